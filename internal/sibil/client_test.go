package sibil

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/sibil/sibiltest"
)

func conversation(server *sibiltest.Server, pauses ...time.Duration) *client {
	return &client{http: server.Client(), base: server.URL, username: sibiltest.Username, password: sibiltest.Password, pauses: pauses}
}

func example(key string) body {
	return Statement{
		Key: key, StartsAt: time.Date(2026, 10, 24, 18, 30, 0, 0, time.UTC), Title: "La Mouette", Capacity: 480, Venue: Venue{"Théâtre des Arcades", "3 quai des Forges", "44000", "Nantes", "THEATRE", ""},
		Tickets: 3, Paid: 2, FullPrice: 1, Exempt: 1, Revenue: 4250, Average: 2125, FullRevenue: 2400, FullAverage: 2400, Registers: true,
	}.body(1)
}

func TestAServerThatStaysUnwellIsGivenUp(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	server.Faults = []int{500, 503, 429, 500}
	c := conversation(server, time.Millisecond, time.Millisecond)
	require.ErrorIs(t, c.login(t.Context()), errUnreachable)
	require.Len(t, server.Requests, 3)
}

func TestTheServersWishToWaitIsHonoured(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	server.Faults, server.RetryAfter = []int{429}, "1"
	c := conversation(server, time.Millisecond)
	begun := time.Now()
	require.NoError(t, c.login(t.Context()))
	require.GreaterOrEqual(t, time.Since(begun), time.Second)
}

func TestAnAnswerThatTakesTooLongIsAskedForAgain(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	server.Hold = make(chan struct{})
	c := conversation(server, time.Millisecond)
	c.http = &http.Client{Timeout: 100 * time.Millisecond}
	require.NoError(t, c.login(t.Context()))
	_, err := c.declare(t.Context(), example("00000000_00000001"), nil)
	require.ErrorIs(t, err, errUnreachable)
	require.Equal(t, 2, server.Count("POST /api/v2/declarations"))
	close(server.Hold)
	answer, err := c.declare(t.Context(), example("00000000_00000001"), nil)
	require.NoError(t, err)
	require.Equal(t, "accepted", answer.Status)
	require.Len(t, server.Held, 1)
}

func TestATokenThatRanOutIsAskedForAnewOnce(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	c := conversation(server)
	require.NoError(t, c.login(t.Context()))
	server.Expire()
	id, known, err := c.domain(t.Context(), "danse  de CRÉATION")
	require.NoError(t, err)
	require.True(t, known)
	require.Equal(t, int64(2), id)
	_, known, err = c.domain(t.Context(), "Ancien domaine")
	require.NoError(t, err)
	require.False(t, known, "not used any more")
	require.Equal(t, 2, server.Count("GET /api/v2/domaine-representations"))
	server.Faults = []int{401, 0, 401}
	_, err = c.declare(t.Context(), example("00000000_00000001"), nil)
	require.ErrorIs(t, err, errRefused)
}

// What is forbidden to one declaration, with a fresh token too, is its answer; who
// may not even ask for the domains may declare nothing.
func TestWhatIsForbiddenIsTheAnswerToOneDeclaration(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	c := conversation(server)
	require.NoError(t, c.login(t.Context()))
	server.Faults = []int{403, 0, 403}
	answer, err := c.declare(t.Context(), example("00000000_00000001"), nil)
	require.NoError(t, err)
	require.Equal(t, outcome{Status: "rejected", Detail: "HTTP 403"}, answer)
	server.Faults = []int{403}
	answer, err = c.declare(t.Context(), example("00000000_00000001"), nil)
	require.NoError(t, err)
	require.Equal(t, "accepted", answer.Status, "the token was what was forbidden")
	server.Faults = []int{403, 0, 403}
	_, _, err = c.domain(t.Context(), "Théâtre")
	require.ErrorIs(t, err, errRefused)
}

func TestNothingIsTriedAgainThatMayNotGoAnyMore(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	c := conversation(server, time.Millisecond, time.Millisecond)
	require.NoError(t, c.login(t.Context()))
	off := errors.New("switched off")
	c.mayGo = func(context.Context) error { return off }
	server.Faults = []int{503}
	_, err := c.declare(t.Context(), example("00000000_00000001"), nil)
	require.ErrorIs(t, err, off)
	require.Equal(t, 1, server.Count("POST /api/v2/declarations"))
	require.Empty(t, server.Held)
}

func TestTheSameUnderAnotherKeyIsADuplicate(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	c := conversation(server)
	require.NoError(t, c.login(t.Context()))
	first, err := c.declare(t.Context(), example("00000000_00000001"), nil)
	require.NoError(t, err)
	other, err := c.declare(t.Context(), example("00000000_00000002"), nil)
	require.NoError(t, err)
	require.Equal(t, "duplicate", other.Status)
	same, err := c.declare(t.Context(), example("00000000_00000001"), nil)
	require.NoError(t, err)
	require.Equal(t, first, same)
}

func TestAnswersOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"a page":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login", http.StatusFound) },
		"nothing":    func(http.ResponseWriter, *http.Request) {},
	} {
		server := sibiltest.New(t)
		server.Config.Handler = handler
		c := conversation(server)
		c.http = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		require.ErrorIs(t, c.login(t.Context()), errUnexpected, name)
		_, err := c.declare(t.Context(), example("00000000_00000001"), nil)
		require.ErrorIs(t, err, errUnexpected, name)
	}
}

func TestAverages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ minor, tickets, average int64 }{
		{846400, 374, 2263}, {0, 0, 0}, {500, 0, 0}, {0, 3, 0}, {1, 2, 1}, {3, 2, 2}, {1, 3, 0}, {2, 3, 1}, {9099, 4, 2275}, {-1, 2, 0}, {-3, 2, -1}, {-2, 3, -1},
	} {
		require.Equal(t, c.average, average(c.minor, c.tickets), "%d over %d", c.minor, c.tickets)
	}
}

func TestQuarters(t *testing.T) {
	t.Parallel()
	q, ok := ParseQuarter("2026-Q4")
	require.True(t, ok)
	require.Equal(t, []string{"2026-10-01", "2027-01-01", "2027-01-10"}, []string{q.First().Format(time.DateOnly), q.After().Format(time.DateOnly), q.DueBefore().Format(time.DateOnly)})
	require.Equal(t, "2026-Q3", q.Previous().String())
	require.Equal(t, Quarter{2025, 4}, Quarter{2026, 1}.Previous())
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	midnight := time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC)
	require.True(t, q.ClosedAt(midnight, paris))
	require.False(t, q.ClosedAt(midnight.Add(-time.Second), paris))
	require.False(t, q.ClosedAt(midnight, time.UTC))
}

func TestKeys(t *testing.T) {
	t.Parallel()
	a, b := uuid.MustParse("0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e01"), uuid.MustParse("0199c0de-7b11-7e0a-9d1f-5b8f0a3b9e02")
	require.Equal(t, "33755b2f_fe8d1095", Key(a, b), "another name there would be another declaration")
	require.Regexp(t, `^[0-9a-f]{8}_[0-9a-f]{8}$`, Key(a, b))
	require.NotEqual(t, Key(a, b), Key(b, a))
	require.Len(t, Key(a, a), 17)
}
