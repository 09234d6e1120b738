package events_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/events"
)

func mark(tb testing.TB, e events.Envelope) string {
	tb.Helper()
	var facts struct {
		Mark string `json:"mark"`
	}
	require.NoError(tb, json.Unmarshal(e.Data.Facts, &facts))
	return facts.Mark
}

func pauseFor(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
