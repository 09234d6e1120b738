package access_test

import (
	"context"
	"hash/crc32"
	"net/http"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// guessing counts as an installation does that changes nothing; other tests fail
// at keys as often as they like.
var guessing = parvistest.WithConfig(func(c *config.Config) { c.FreeAttempts = 10 })

// wrongKey is a well-formed key with the id of another and a secret of its own.
func wrongKey(t *testing.T, id string) string {
	t.Helper()
	k, err := apikey.Generate(apikey.Live, apikey.Secret)
	require.NoError(t, err)
	body := "pv_live_sk_" + id + "_" + k.Reveal()[len("pv_live_sk_")+apikey.IDLength+1:apikey.Length-6]
	return body + base62(crc32.ChecksumIEEE([]byte(body)))
}

func base62(n uint32) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	out := []byte("000000")
	for i := len(out) - 1; n > 0; i-- {
		out[i] = digits[n%62]
		n /= 62
	}
	return string(out)
}

func try(t *testing.T, app *parvistest.App, key, from string) *fault.Error {
	t.Helper()
	_, err := app.App.Access().Authenticate(context.Background(), key, netip.MustParseAddr(from))
	if err == nil {
		return nil
	}
	f, ok := fault.As(err)
	require.True(t, ok, "%v", err)
	return f
}

// Who fails at one key waits for that key, even with the right secret; everybody
// else does not notice, and the wait ends.
func TestGuessingAtAKeyIsSlowedDown(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, guessing)
	victim, neighbour := newKey(app.Client, nil), newKey(app.Client, nil)
	const guesser, home = "198.51.100.7", "203.0.113.5"
	for range 11 {
		require.Equal(t, fault.Unauthenticated, try(t, app, wrongKey(t, victim["key_id"].(string)), guesser).Kind)
	}
	locked := try(t, app, secretOf(victim), guesser)
	require.Equal(t, fault.TooMany, locked.Kind)
	require.Positive(t, locked.RetryAfter)
	require.Nil(t, try(t, app, secretOf(neighbour), guesser), "a client behind the same address is not kept out by guesses at others")
	require.Nil(t, try(t, app, secretOf(victim), home), "nor the owner of the key elsewhere")
	parvistest.Eventually(t, "the wait ends", func() bool { return try(t, app, secretOf(victim), guesser) == nil })
}

// An id that nobody has is treated as one that somebody has: same texts, same
// statuses, at the same attempt.
func TestGuessesTellNothingAboutIds(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, guessing)
	there := newKey(app.Client, nil)["key_id"].(string)
	unused, err := apikey.Generate(apikey.Live, apikey.Secret)
	require.NoError(t, err)
	for i := range 14 {
		a, b := try(t, app, wrongKey(t, there), "198.51.100.8"), try(t, app, wrongKey(t, unused.ID()), "198.51.100.9")
		require.Equal(t, a.Kind, b.Kind, "attempt %d", i)
		require.Equal(t, a.Code, b.Code)
		require.InDelta(t, a.RetryAfter.Seconds(), b.RetryAfter.Seconds(), 1)
	}
}

// Many addresses that guess at one key lock it for those it has never been used
// from, and not for its owner.
func TestAKeyThatIsUsedStaysUsable(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, guessing)
	key := newKey(app.Client, nil)
	const home, stranger = "203.0.113.6", "203.0.113.200"
	require.Nil(t, try(t, app, secretOf(key), home))
	for i := range 55 {
		try(t, app, wrongKey(t, key["key_id"].(string)), netip.AddrFrom4([4]byte{198, 51, 100, byte(i)}).String())
	}
	require.Equal(t, fault.TooMany, try(t, app, secretOf(key), stranger).Kind)
	require.Nil(t, try(t, app, secretOf(key), home))
}

// An address that tries many ids hears "wait", and its right credentials work.
func TestTryingManyIdsIsSlowedDown(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, guessing)
	key := newKey(app.Client, nil)
	const from = "198.51.100.77"
	var last *fault.Error
	for range 103 {
		k, err := apikey.Generate(apikey.Live, apikey.Secret)
		require.NoError(t, err)
		last = try(t, app, k.Reveal(), from)
	}
	require.Equal(t, fault.TooMany, last.Kind)
	require.Nil(t, try(t, app, secretOf(key), from))
}

func TestGuessingAtAClientIsSlowedDown(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, guessing)
	client, other := newClient(app.Client, nil), newClient(app.Client, nil)
	nobody := uuid.NewString()
	for range 11 {
		known, unknown := form(app.Client, "/oauth/token", idOf(client), "wrong", grant()), form(app.Client, "/oauth/token", nobody, "wrong", grant())
		oauthError(t, known, 401, "invalid_client")
		require.Equal(t, string(unknown.Body), string(known.Body))
	}
	known, unknown := form(app.Client, "/oauth/token", idOf(client), secretOf(client), grant()), form(app.Client, "/oauth/token", nobody, "wrong", grant())
	oauthError(t, known, http.StatusTooManyRequests, "temporarily_unavailable")
	require.Equal(t, string(unknown.Body), string(known.Body))
	require.NotEmpty(t, known.Header.Get("Retry-After"))
	form(app.Client, "/oauth/token", idOf(other), secretOf(other), grant()).Is(200)
}

// A refusal takes as long for a key that exists as for one that does not: the
// medians of interleaved attempts differ by less than a fifth.
func TestRefusalsTakeTheSameTime(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t, guessing)
	there := newKey(app.Client, nil)["key_id"].(string)
	unused, err := apikey.Generate(apikey.Live, apikey.Secret)
	require.NoError(t, err)
	texts := [2]string{wrongKey(t, there), wrongKey(t, unused.ID())}
	var ratio float64
	// A machine that does other things is measured again before it is believed.
	for range 5 {
		var took [2][]time.Duration
		for i := range 300 {
			for j := range 2 {
				which := (i + j) % 2
				from := netip.AddrFrom4([4]byte{198, 18, byte(i), byte(which)}).String()
				began := time.Now()
				require.NotNil(t, try(t, app, texts[which], from))
				took[which] = append(took[which], time.Since(began))
			}
		}
		slices.Sort(took[0])
		slices.Sort(took[1])
		if ratio = float64(took[0][150]) / float64(took[1][150]); ratio > 0.83 && ratio < 1.2 {
			return
		}
	}
	require.Fail(t, "the time of a refusal tells whether a key exists", "ratio of medians %.2f", ratio)
}
