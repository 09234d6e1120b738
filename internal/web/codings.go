package web

import (
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"
)

// RefusedCodings leaves the answer uncompressed for who says that gzip is not
// acceptable ("gzip;q=0", RFC 9110 §12.4.2), which compression takes for a wish.
func RefusedCodings(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		header := c.Request().Header
		if refusesGzip(header.Get(echo.HeaderAcceptEncoding)) {
			header.Del(echo.HeaderAcceptEncoding)
		}
		return next(c)
	}
}

func refusesGzip(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		coding, weight, weighed := strings.Cut(part, ";")
		if !weighed || !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		name, value, _ := strings.Cut(weight, "=")
		q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
		return strings.EqualFold(strings.TrimSpace(name), "q") && err == nil && q == 0
	}
	return false
}
