package isolationtest

import (
	"cmp"
	"io"
	"math"
	"math/rand/v2"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

const (
	// pairs of requests that are compared at first, and on suspicion.
	pairs, morePairs = 60, 200
	// telling is how many standard deviations the ranks must be off: once in some
	// twenty thousand by chance, and twice in a row practically never.
	telling = 4.0
	// notice is the least difference that anybody could make use of over a
	// network, and share the least part of an answer's own time.
	notice, share = 300 * time.Microsecond, 0.25
)

// What is hidden takes as long as what is not there.
func TestTimeDoesNotTell(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	theirs := newWorld(t, app, app.Client, "zarquolin")
	hidden, restricted := theirs.person(t, "vexomiral"), theirs.person(t, "dromifaux")
	hiding := theirs.Post("/v1/departments", m{"code": "direction", "name": "Direction"}).Is(201).ID()
	theirs.holdIn(t, hidden, hiding)
	theirs.holdIn(t, restricted, theirs.own["department"])
	as(t, app.DB, "update contacts set restricted = true where id = $1", restricted.names["contact"])
	limited := theirs.limitedTo(t, theirs.own["department"])
	for what, i := range map[string]*intruder{
		"another institution": {Client: app.OtherTenant(), own: theirs.own, secret: merged(theirs.own, hidden.names)},
		"another department":  {Client: limited, own: theirs.own, secret: hidden.names},
		"restricted":          {Client: limited, own: theirs.own, secret: restricted.names},
	} {
		for _, id := range []string{"getContact", "listContactPoints", "getTicketingOrder", "getConsent", "getFormSubmission", "getEvent"} {
			op := operation(id)
			there := func() time.Duration { return timed(t, app.URL, i.Key, address(t, op, merged(i.own, i.secret), "")) }
			absent := func() time.Duration {
				return timed(t, app.URL, i.Key, address(t, op, merged(i.own, missing(i.secret)), ""))
			}
			require.False(t, tellsTime(absent, there), "%s, %s: how long the answer takes tells what is hidden from what is not there", what, id)
		}
	}

	// The test can fail: an answer that takes as long again is found out.
	i := &intruder{Client: limited, own: theirs.own, secret: hidden.names}
	absent := func() time.Duration {
		return timed(t, app.URL, i.Key, address(t, operation("getContact"), merged(i.own, missing(i.secret)), ""))
	}
	usual := median(sample(absent, 20))
	slow := func() time.Duration {
		return absent() + 2*usual + 2*notice
	}
	require.True(t, tellsTime(absent, slow), "a delay of twice the answer's time is not seen")
}

func sample(f func() time.Duration, n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = f()
	}
	return out
}

// timed asks once, and tells how long the answer took.
func timed(t *testing.T, base, key, path string) time.Duration {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, base+path, nil)
	require.NoError(t, err)
	r.Header.Set("Authorization", "Bearer "+key)
	begin := time.Now()
	response, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, response.Body)
	took := time.Since(begin)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Contains(t, []int{200, 404}, response.StatusCode, path)
	return took
}

// tellsTime compares two ways of asking, in pairs that are asked one after the
// other in an order left to chance, so that a busy machine is as busy for both;
// what looks different is measured again before it is believed.
func tellsTime(absent, there func() time.Duration) bool {
	first, ok := difference(absent, there, pairs)
	if !ok {
		return false
	}
	second, ok := difference(absent, there, morePairs)
	return ok && (first > 0) == (second > 0)
}

// difference is by how much one takes longer, and whether that is more than
// chance (the signed ranks of Wilcoxon) and more than anybody could notice.
func difference(absent, there func() time.Duration, n int) (time.Duration, bool) {
	apart := make([]time.Duration, n)
	plain := make([]time.Duration, n)
	for i := range n {
		var a, b time.Duration
		if rand.IntN(2) == 0 {
			a, b = absent(), there()
		} else {
			b, a = there(), absent()
		}
		apart[i], plain[i] = b-a, a
	}
	middle := median(apart)
	least := max(notice, time.Duration(share*float64(median(plain))))
	return middle, middle.Abs() >= least && math.Abs(signedRanks(apart)) >= telling
}

// signedRanks is Wilcoxon's statistic in standard deviations.
func signedRanks(d []time.Duration) float64 {
	ranked := slices.Clone(d)
	slices.SortFunc(ranked, func(a, b time.Duration) int { return cmp.Compare(a.Abs(), b.Abs()) })
	w, n := 0.0, float64(len(ranked))
	for i, v := range ranked {
		if v > 0 {
			w += float64(i + 1)
		}
	}
	return (w - n*(n+1)/4) / math.Sqrt(n*(n+1)*(2*n+1)/24)
}

func median(d []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(d))
	return sorted[len(sorted)/2]
}
