// Package telemetry is what operators see: figures for Prometheus, traces for
// OpenTelemetry and one log line a request. None of it carries personal data:
// no paths with their values, no query strings, no bodies, no addresses; and
// figures carry no institution either.
package telemetry
