package web

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
)

// preferMinimal leaves the body out of a write's answer for a client that says
// `Prefer: return=minimal` (RFC 7240 §4.2): 201 without a body, 204 for 200.
// Headers, ETag and Location among them, stay.
func preferMinimal(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		switch op.Method {
		case http.MethodPost, http.MethodPut, http.MethodPatch:
		default:
			return next
		}
		return func(c echo.Context) error {
			if prefers(c.Request().Header.Values("Prefer"), "respond-async") {
				noteAsync(c)
			}
			if !prefers(c.Request().Header.Values("Prefer"), "return=minimal") {
				return next(c)
			}
			original := c.Response().Writer
			c.Response().Writer = &minimalWriter{ResponseWriter: original}
			defer func() { c.Response().Writer = original }()
			return next(c)
		}
	}
}

// noteAsync says of an answer that came before the work was done that this was
// wanted (RFC 7240 §4.1).
func noteAsync(c echo.Context) {
	c.Response().Before(func() {
		if c.Response().Status == http.StatusAccepted {
			c.Response().Header().Add("Preference-Applied", "respond-async")
		}
	})
}

func prefers(headers []string, preference string) bool {
	for _, header := range headers {
		for part := range strings.SplitSeq(header, ",") {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(part), `"`, ""), preference) {
				return true
			}
		}
	}
	return false
}

type minimalWriter struct {
	http.ResponseWriter
	answered, swallow bool
}

func (w *minimalWriter) WriteHeader(status int) {
	if w.answered {
		return
	}
	w.answered = true
	if status == http.StatusOK || status == http.StatusCreated {
		w.swallow = true
		w.Header().Set("Preference-Applied", "return=minimal")
		w.Header().Del("Content-Type")
		if status == http.StatusOK {
			status = http.StatusNoContent
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *minimalWriter) Write(p []byte) (int, error) {
	if !w.answered {
		w.WriteHeader(http.StatusOK)
	}
	if w.swallow {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}
