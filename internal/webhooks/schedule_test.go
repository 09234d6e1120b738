package webhooks

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
)

func TestStandardSchedule(t *testing.T) {
	t.Parallel()
	o := Options{}.withDefaults()
	var span time.Duration
	for _, d := range o.Schedule {
		span += d
	}
	require.Len(t, o.Schedule, 10)
	require.Equal(t, 75*time.Hour+35*time.Minute+5*time.Second, span)
	for made, middle := range o.Schedule {
		low, ok := o.delayBefore(made, result{}, 0)
		require.True(t, ok)
		high, _ := o.delayBefore(made, result{}, 1)
		require.InDelta(t, 0.8*float64(middle), float64(low), float64(time.Microsecond))
		require.InDelta(t, 1.2*float64(middle), float64(high), float64(time.Microsecond))
	}
	_, again := o.delayBefore(len(o.Schedule), result{}, 0.5)
	require.False(t, again)
}

func TestWhatAReceiverAsksForIsHeardWithinBounds(t *testing.T) {
	t.Parallel()
	o := Options{}.withDefaults()
	for _, c := range []struct {
		name string
		made int
		r    result
		want time.Duration
	}{
		{"an overloaded receiver is left alone for a minute", 1, result{throttled: true}, time.Minute},
		{"longer when the schedule says longer", 2, result{throttled: true}, 5 * time.Minute},
		{"a wish shorter than the delay", 2, result{retryAfter: time.Second}, 5 * time.Minute},
		{"a wish between", 2, result{retryAfter: 7 * time.Minute}, 7 * time.Minute},
		{"a wish longer than twice the delay", 2, result{retryAfter: time.Hour}, 10 * time.Minute},
		{"a wish on top of the minute", 1, result{throttled: true, retryAfter: 90 * time.Second}, 90 * time.Second},
	} {
		got, ok := o.delayBefore(c.made, c.r, 0.5)
		require.True(t, ok)
		require.Equal(t, c.want, got, c.name)
	}
	own := Options{Schedule: []time.Duration{0, time.Millisecond}}.withDefaults()
	got, _ := own.delayBefore(1, result{throttled: true}, 0.5)
	require.Equal(t, time.Millisecond, got, "a schedule of the operator's own is taken as it is")
}

func TestRetryAfterIsReadInBothForms(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	require.Equal(t, 2*time.Minute, retryAfter("120", now))
	require.Equal(t, time.Minute, retryAfter(now.Add(time.Minute).Format(http.TimeFormat), now))
	for _, none := range []string{"", "soon", "-5", now.Add(-time.Hour).Format(http.TimeFormat), "99999999999999999999"} {
		require.Zero(t, retryAfter(none, now), none)
	}
}

func TestJudgement(t *testing.T) {
	t.Parallel()
	judge := func(status int, header ...string) result {
		r, h := result{}, http.Header{}
		for i := 0; i < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		r.judge(&http.Response{StatusCode: status, Header: h})
		return r
	}
	require.True(t, judge(200).succeeded)
	require.True(t, judge(299).succeeded)
	require.Equal(t, "redirect", judge(302).attempt.Error)
	require.Equal(t, "gone", judge(410).disable)
	for _, status := range []int{429, 502, 503, 504} {
		require.True(t, judge(status).throttled, status)
	}
	require.False(t, judge(500).throttled)
	require.True(t, judge(400, HeaderControl, "abort-message").abort)
	require.False(t, judge(204, HeaderControl, "abort-message").abort)
	require.Equal(t, "receiver", judge(204, HeaderControl, "disable").disable)
	require.Equal(t, 30*time.Second, judge(503, "Retry-After", "30").retryAfter)
}

func TestGlobs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		globs, scopes []string
		eventType     string
		want          bool
	}{
		{[]string{"contact.*"}, []string{"contacts:read"}, "contact.created", true},
		{[]string{"contact.*"}, []string{"contacts:read"}, "contact_merge.created", false},
		{[]string{"contact.created"}, []string{"*"}, "contact.updated", false},
		{[]string{"*"}, []string{"consents:read"}, "contact.created", false},
		{[]string{"*"}, []string{"consents:read"}, "consent.withdrawn", true},
		{[]string{"*"}, []string{"*"}, "whatever.happened", true},
	} {
		require.Equal(t, c.want, wants(c.globs, c.scopes, c.eventType), "%v", c)
	}
}

// A type that nobody entered would be open to whoever may read the bare log.
func TestEveryEventTypeOfTheContractHasAScopeOfTheContract(t *testing.T) {
	t.Parallel()
	var contract struct {
		Webhooks map[string]json.RawMessage `json:"webhooks"`
	}
	require.NoError(t, json.Unmarshal(api.SpecJSON, &contract))
	require.NotEmpty(t, contract.Webhooks)
	known := map[string]bool{}
	for _, op := range api.Operations {
		for _, scope := range op.Scopes {
			known[scope] = true
		}
	}
	for eventType := range contract.Webhooks {
		scope := readScope(eventType)
		require.NotEqual(t, "events:read", scope, "enter %s in readScope", eventType)
		require.True(t, known[scope], "%s needs %s, which no operation has", eventType, scope)
		require.Contains(t, readScopes(), scope)
	}
}
