package conformance

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the API's own quotas refuse is no fault of a connector.
func TestQuotasHoldUp(t *testing.T) {
	t.Parallel()
	refused := problem(http.StatusTooManyRequests, "rate-limited")
	refused.header.Set("Retry-After", "0")
	asked := 0
	got := allowed(func() answer {
		if asked++; asked < 4 {
			return refused
		}
		return answer{status: http.StatusMultiStatus}
	})
	require.Equal(t, []int{http.StatusMultiStatus, 4}, []int{got.status, asked})
	refused.header.Set("Retry-After", "60")
	got = allowed(func() answer { asked++; return refused })
	require.Equal(t, []int{http.StatusTooManyRequests, 5}, []int{got.status, asked}, "longer than a connector waits for an answer")
}
