package web

import (
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
)

// conditional answers 304 to a reader who already holds the present version
// (RFC 9110 §13.1.2): the handler answers as always and the body is left out.
func conditional(op api.OperationSpec) echo.MiddlewareFunc {
	declared := op.Method == http.MethodGet && slices.Contains(op.Headers, "If-None-Match")
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !declared {
			return next
		}
		return func(c echo.Context) error {
			held := c.Request().Header.Get("If-None-Match")
			if held == "" {
				return next(c)
			}
			original := c.Response().Writer
			c.Response().Writer = &conditionalWriter{ResponseWriter: original, held: held}
			defer func() { c.Response().Writer = original }()
			return next(c)
		}
	}
}

type conditionalWriter struct {
	http.ResponseWriter
	held     string
	swallow  bool
	answered bool
}

func (w *conditionalWriter) WriteHeader(status int) {
	if w.answered {
		return
	}
	w.answered = true
	if tag := w.Header().Get("ETag"); status == http.StatusOK && tag != "" && holds(w.held, tag) {
		w.swallow = true
		w.Header().Del("Content-Type")
		status = http.StatusNotModified
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *conditionalWriter) Write(p []byte) (int, error) {
	if !w.answered {
		w.WriteHeader(http.StatusOK)
	}
	if w.swallow {
		return len(p), nil
	}
	return w.ResponseWriter.Write(p)
}

// holds compares weakly, as If-None-Match does.
func holds(header, tag string) bool {
	tag = strings.TrimPrefix(tag, "W/")
	for part := range strings.SplitSeq(header, ",") {
		part = strings.TrimPrefix(strings.TrimSpace(part), "W/")
		if part == "*" || part == tag {
			return true
		}
	}
	return false
}
