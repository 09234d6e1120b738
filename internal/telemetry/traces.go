package telemetry

import (
	"context"
	"fmt"
	"strings"

	"github.com/exaring/otelpgx"
	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Tracing sends spans to a collector, or nowhere.
type Tracing struct {
	on       bool
	provider trace.TracerProvider
	stop     func(context.Context) error
}

// NewTracing sends spans to the OTLP/HTTP collector at endpoint, its base URL;
// an empty endpoint turns tracing off. Headers, sampling and batching follow the
// OTEL_* variables of the OpenTelemetry specification.
func NewTracing(ctx context.Context, endpoint, version string) (*Tracing, error) {
	if endpoint == "" {
		return &Tracing{provider: noop.NewTracerProvider(), stop: func(context.Context) error { return nil }}, nil
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(strings.TrimRight(endpoint, "/")+"/v1/traces"))
	if err != nil {
		return nil, fmt.Errorf("traces cannot be sent to OTEL_EXPORTER_OTLP_ENDPOINT: %w", err)
	}
	identity, err := resource.New(ctx, resource.WithAttributes(
		attribute.String("service.name", "parvis"), attribute.String("service.version", version)), resource.WithFromEnv(), resource.WithTelemetrySDK())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES cannot be read: %w", err)
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(identity))
	return &Tracing{on: true, provider: provider, stop: provider.Shutdown}, nil
}

// Queries traces the statements of a pool: their text, which has placeholders,
// never their values. Nil when tracing is off.
func (t *Tracing) Queries() pgx.QueryTracer {
	if !t.on {
		return nil
	}
	return otelpgx.NewTracer(otelpgx.WithTracerProvider(t.provider),
		otelpgx.WithDisableConnectionDetailsInAttributes(), otelpgx.WithDisableAcquireTracer())
}

// Stop sends what is still waiting.
func (t *Tracing) Stop(ctx context.Context) error { return t.stop(ctx) }
