package telemetry

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/labstack/echo/v4"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/parvis-crm/parvis/internal/web"
)

// Requests is the middleware that counts, traces and logs every request. It
// stands outside of everything that answers, so that it sees the final status.
func Requests(m *Metrics, t *Tracing, log *slog.Logger) echo.MiddlewareFunc {
	tracer := t.provider.Tracer("github.com/parvis-crm/parvis")
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			if quiet(c.Path()) {
				return next(c)
			}
			start := time.Now()
			r := c.Request()
			var span trace.Span
			if t.on {
				ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
				ctx, span = tracer.Start(ctx, r.Method, trace.WithSpanKind(trace.SpanKindServer))
				c.SetRequest(r.WithContext(ctx))
				propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(c.Response().Header()))
			}
			m.inFlight.Inc()
			// A handler that breaks off its answer panics; that is an answer too.
			defer func() {
				m.inFlight.Dec()
				report(c, m, log, span, time.Since(start))
			}()
			if err := next(c); err != nil {
				c.Error(err)
			}
			return nil
		}
	}
}

// quiet requests come every few seconds and say nothing.
func quiet(path string) bool { return path == "/healthz" || path == "/readyz" || path == "/metrics" }

// operation names a request by what it is for: the contract's operation, or the
// pattern of a page's route, never the path that was asked for.
func operation(c echo.Context) string {
	if op, ok := web.Operation(c); ok {
		return op.ID
	}
	if path := c.Path(); path != "" && path != "/*" {
		return path
	}
	return "none"
}

func report(c echo.Context, m *Metrics, log *slog.Logger, span trace.Span, took time.Duration) {
	name, status := operation(c), c.Response().Status
	m.observe(name, status, took)
	ctx := c.Request().Context()
	if span == nil && !log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	line := []slog.Attr{
		slog.String("request_id", web.RequestID(ctx)),
		slog.String("operation", name),
		slog.String("method", method(c.Request().Method)),
		slog.Int("status", status),
		slog.Duration("duration", took),
		slog.Int64("bytes", c.Response().Size),
	}
	if actor, err := web.ActorFrom(ctx); err == nil {
		line = append(line, slog.String("actor_kind", string(actor.Kind)), slog.String("actor_id", actor.ID), slog.String("tenant", actor.Tenant.String()))
	}
	if span != nil {
		if id := span.SpanContext().TraceID(); id.IsValid() {
			line = append(line, slog.String("trace_id", id.String()))
		}
		span.SetName(name)
		span.SetAttributes(
			attribute.String("http.request.method", method(c.Request().Method)),
			attribute.String("http.route", c.Path()),
			attribute.Int("http.response.status_code", status),
			attribute.String("parvis.request_id", web.RequestID(ctx)),
		)
		if status >= http.StatusInternalServerError {
			span.SetStatus(codes.Error, http.StatusText(status))
		}
		span.End()
	}
	log.LogAttrs(ctx, slog.LevelInfo, "request", line...)
}

// method keeps a stranger's inventions out of the log.
func method(sent string) string {
	switch sent {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return sent
	}
	return "other"
}
