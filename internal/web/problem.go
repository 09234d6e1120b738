package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// ProblemBase is the address under which every code has its page. It names the
// documentation, never the installation, so that it is the same everywhere.
const ProblemBase = "https://parvis-crm.github.io/problems/"

// quotaType is the registered problem type of an exhausted quota.
const quotaType = "https://iana.org/assignments/http-problem-types#quota-exceeded"

const maxViolations = 50

var statuses = map[fault.Kind]int{
	fault.Malformed: 400, fault.Unauthenticated: 401, fault.Forbidden: 403, fault.Missing: 404,
	fault.MethodNotAllowed: 405, fault.NotAcceptable: 406, fault.Conflict: 409, fault.Gone: 410,
	fault.Stale: 412, fault.TooLarge: 413, fault.UnsupportedMedia: 415, fault.OutOfRange: 416, fault.Refused: 422,
	fault.PreconditionRequired: 428, fault.TooMany: 429, fault.Unavailable: 503,
}

// Status is the HTTP status of a fault.
func Status(f *fault.Error) int { return statuses[f.Kind] }

// Problem renders a fault as the members of a problem (RFC 9457) in the
// context's language.
func Problem(ctx context.Context, f *fault.Error) map[string]any {
	lang := Language(ctx)
	text, ok := fault.Lookup(f.Code, lang)
	if !ok {
		text = fault.Text{Title: f.Code, Detail: f.Code}
	}
	problemType := ProblemBase + f.Code
	if f.Kind == fault.TooMany {
		problemType = quotaType
	}
	violations := make([]map[string]any, 0, len(f.Violations))
	for i, v := range f.Violations {
		if i == maxViolations {
			break
		}
		violations = append(violations, violation(v, lang))
	}
	p := map[string]any{
		"type": problemType, "title": fault.Fill(text.Title, f.Params), "detail": fault.Fill(text.Detail, f.Params),
		"status": Status(f), "code": f.Code, "instance": "urn:uuid:" + RequestID(ctx), "request_id": RequestID(ctx),
		"retryable": f.RetryAfter > 0 || f.Kind == fault.Unavailable, "errors": violations,
	}
	maps.Copy(p, f.Extras)
	return p
}

func violation(v fault.Violation, lang string) map[string]any {
	out := map[string]any{"code": v.Code}
	detail := v.Code
	if text, ok := fault.Lookup(v.Code, lang); ok {
		detail = fault.Fill(text.Detail, v.Params)
	}
	out["detail"] = detail
	switch {
	case v.Pointer != "":
		out["pointer"] = v.Pointer
	case v.Parameter != "":
		out["parameter"] = v.Parameter
	case v.Header != "":
		out["header"] = v.Header
	}
	return out
}

// Fault translates any error into a fault: ours as they are, the router's and
// the binder's by their status, the database's by pg.Translate. It returns nil
// for what nobody expected; that is a 500 without text.
func Fault(err error) *fault.Error {
	if f, ok := fault.As(err); ok {
		return f
	}
	if f, ok := fault.As(pg.Translate(err)); ok {
		return f
	}
	var he *echo.HTTPError
	if !errors.As(err, &he) {
		return nil
	}
	switch he.Code {
	case http.StatusNotFound:
		return fault.NotFound()
	case http.StatusMethodNotAllowed:
		return fault.New(fault.MethodNotAllowed, "method-not-allowed")
	case http.StatusRequestEntityTooLarge:
		return fault.New(fault.TooLarge, "too-large").With("limit", MaxBody)
	case http.StatusUnsupportedMediaType:
		return fault.New(fault.UnsupportedMedia, "unsupported-media-type").With("type", "")
	case http.StatusBadRequest:
		// The generated binder's text is the parser's and not for people.
		f := fault.New(fault.Malformed, "invalid-request").Because(err)
		if name, ok := boundParameter(fmt.Sprint(he.Message)); ok {
			f.AtParameter(name, "format", "want", "contract")
		}
		return f
	}
	return nil
}

// boundParameter finds the name in the generated binder's message.
func boundParameter(message string) (string, bool) {
	for _, prefix := range []string{"Invalid format for parameter ", "Header parameter ", "Query argument "} {
		if rest, ok := strings.CutPrefix(message, prefix); ok {
			name, _, _ := strings.Cut(rest, ":")
			name, _, _ = strings.Cut(name, " ")
			return name, true
		}
	}
	return "", false
}

// ErrorHandler is echo's one way out for every error: unknown routes, methods,
// panics, oversized bodies and everything a handler returns.
func ErrorHandler(log *slog.Logger) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		if writeErr := WriteProblem(c, err, log); writeErr != nil {
			log.WarnContext(c.Request().Context(), "problem could not be written", "error", writeErr)
		}
	}
}

// WriteProblem writes the problem of an error, in the form that those expect who
// ask at this address.
func WriteProblem(c echo.Context, err error, log *slog.Logger) error {
	ctx := c.Request().Context()
	f := Fault(err)
	form := formAt(c.Request().URL.Path)
	var status int
	var body map[string]any
	if f == nil {
		log.ErrorContext(ctx, "request failed", "request_id", RequestID(ctx), "route", c.Path(), "error", err)
		status = http.StatusInternalServerError
		text, _ := fault.Lookup("internal", Language(ctx))
		body = map[string]any{
			"type": ProblemBase + "internal", "title": text.Title, "detail": text.Detail, "status": status, "code": "internal",
			"instance": "urn:uuid:" + RequestID(ctx), "request_id": RequestID(ctx), "retryable": true, "errors": []any{},
		}
	} else {
		if f.Kind == fault.Unavailable {
			log.WarnContext(ctx, "unavailable", "request_id", RequestID(ctx), "route", c.Path(), "error", err)
		}
		if f.Kind == fault.MethodNotAllowed {
			f = fault.New(f.Kind, f.Code).With("method", c.Request().Method)
			if allow := c.Response().Header().Get(echo.HeaderAllow); strings.Contains(allow, http.MethodGet) && !strings.Contains(allow, http.MethodHead) {
				c.Response().Header().Set(echo.HeaderAllow, allow+", "+http.MethodHead)
			}
		}
		status, body = Status(f), Problem(ctx, f)
		faultHeaders(c, f)
	}
	if form.reshape != nil {
		status, body = form.reshape(c.Response().Header(), status, body)
	}
	c.Response().Header().Set(echo.HeaderContentType, form.media)
	c.Response().Header().Set("Content-Language", Language(ctx))
	c.Response().Header().Set("Cache-Control", "private, no-store")
	c.Response().WriteHeader(status)
	if c.Request().Method == http.MethodHead {
		return nil
	}
	enc := json.NewEncoder(c.Response())
	enc.SetEscapeHTML(false)
	return enc.Encode(body)
}

func faultHeaders(c echo.Context, f *fault.Error) {
	h := c.Response().Header()
	for name, value := range f.Headers {
		h.Set(name, value)
	}
	if f.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int((f.RetryAfter.Seconds())+0.999)))
	}
	switch f.Kind {
	case fault.Unauthenticated:
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", `Bearer realm="parvis", error="invalid_token", resource_metadata="`+Origin(c.Request().Context())+`/.well-known/oauth-protected-resource"`)
		}
	case fault.Forbidden:
		if scope, ok := f.Params["scope"]; ok {
			h.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="parvis", error="insufficient_scope", scope="%v"`, scope))
		}
	}
}
