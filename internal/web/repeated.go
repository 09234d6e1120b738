package web

import (
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
)

// singletons are headers that say one thing: of two, a proxy before us may have
// judged the one and we the other (RFC 9110 §5.3).
func singletons() []string {
	return []string{echo.HeaderAuthorization, echo.HeaderContentType, "Idempotency-Key", ReasonHeader, purposeHeader}
}

// refuseRepeated refuses a request that says one thing twice.
func refuseRepeated(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, name := range singletons() {
			if len(c.Request().Header.Values(name)) > 1 {
				return fault.New(fault.Malformed, "invalid-request").AtHeader(name, "header-repeated")
			}
		}
		return next(c)
	}
}
