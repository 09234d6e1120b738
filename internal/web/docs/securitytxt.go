package docs

import (
	"net/http"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/clock"
)

// securityTextLasts is less than the year that RFC 9116 §2.5.5 advises.
const securityTextLasts = 300 * 24 * time.Hour

// securityText tells where a flaw is to be reported (RFC 9116). The program's
// makers answer for the program; contact, where the operator gave one, comes first.
func securityText(contact string, now clock.Clock) echo.HandlerFunc {
	return func(c echo.Context) error {
		text := ""
		if contact != "" {
			text += "Contact: " + contact + "\n"
		}
		text += "Contact: https://github.com/parvis-crm/parvis/security/advisories/new\n" +
			"Policy: https://github.com/parvis-crm/parvis/blob/main/SECURITY.md\n" +
			"Preferred-Languages: fr, en\n"
		text += "Expires: " + now.Now().Add(securityTextLasts).Truncate(24*time.Hour).Format(time.RFC3339) + "\n"
		c.Response().Header().Set(echo.HeaderCacheControl, "public, max-age=86400")
		return c.Blob(http.StatusOK, "text/plain; charset=utf-8", []byte(text))
	}
}
