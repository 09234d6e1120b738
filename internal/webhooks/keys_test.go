package webhooks_test

import (
	"crypto/ed25519"
	"encoding/base64"
	"net/http"
	"strings"
	"sync"
	"testing"

	reference "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// sameKey lets several programs on one database open each other's secrets.
func sameKey(_ *config.Config, o *app.Options) { o.MasterKey = make([]byte, 32) }

// verifyEd25519 checks a v1a signature with the standard library alone.
func verifyEd25519(t testing.TB, x string, d delivery) {
	t.Helper()
	key, err := base64.RawURLEncoding.DecodeString(x)
	require.NoError(t, err)
	signed := []byte(d.id() + "." + d.header.Get("webhook-timestamp") + "." + string(d.body))
	for entry := range strings.SplitSeq(d.header.Get("webhook-signature"), " ") {
		if encoded, ok := strings.CutPrefix(entry, "v1a,"); ok {
			signature, err := base64.StdEncoding.DecodeString(encoded)
			require.NoError(t, err)
			if ed25519.Verify(key, signed, signature) {
				return
			}
		}
	}
	require.Fail(t, "no v1a signature of this key", d.header.Get("webhook-signature"))
}

// Rotating the keys while events flow rejects nothing, neither at a receiver
// that still has the old secret nor at one that has the new.
func TestRotationUnderLoadRejectsNothing(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(5))
	var mu sync.Mutex
	var old, fresh *reference.Webhook
	var rejected, afterRotation int
	r := newReceiver(t)
	r.answers(func(w http.ResponseWriter, d delivery) {
		mu.Lock()
		defer mu.Unlock()
		if old.Verify(d.body, d.header) != nil {
			rejected++
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		// From the first delivery that has the new signature on, all have it.
		if fresh != nil && fresh.Verify(d.body, d.header) == nil {
			afterRotation++
		}
		w.WriteHeader(http.StatusNoContent)
	})
	e := subscribe(t, program.Client, r.URL, nil)
	mu.Lock()
	var err error
	old, err = reference.NewWebhook(e["secret"].(string))
	require.NoError(t, err)
	mu.Unlock()
	const rounds, each = 30, 20
	for round := range rounds {
		emit(t, program.App.DB, program.Tenant, "tag.happened", each)
		if round == rounds/3 {
			rotated := program.Post(path(e)+"/rotate-secret", map[string]any{"overlap_seconds": 3600}).Is(http.StatusCreated).JSON()
			require.NotEqual(t, e["secret"], rotated["secret"])
			mu.Lock()
			fresh, err = reference.NewWebhook(rotated["secret"].(string))
			require.NoError(t, err)
			mu.Unlock()
		}
	}
	parvistest.Eventually(t, "all arrive", func() bool { return r.distinct("tag.happened") == rounds*each })
	mu.Lock()
	require.Zero(t, rejected)
	require.Positive(t, afterRotation)
	mu.Unlock()
	keys := program.Anonymous().Get(path(e) + "/keys").Is(http.StatusOK).JSON()["keys"].([]any)
	require.Len(t, keys, 2)
	require.Nil(t, keys[0].(map[string]any)["expires_at"])
	require.NotNil(t, keys[1].(map[string]any)["expires_at"])

	// Every delivery from now on satisfies the new secret and both public keys.
	before := len(r.of("tag.ended"))
	emit(t, program.App.DB, program.Tenant, "tag.ended", 5)
	parvistest.Eventually(t, "they arrive", func() bool { return len(r.of("tag.ended")) == before+5 })
	for _, d := range r.of("tag.ended") {
		require.NoError(t, fresh.Verify(d.body, d.header))
		for _, k := range keys {
			verifyEd25519(t, k.(map[string]any)["x"].(string), d)
		}
	}

	// Without overlap the old secret is worth nothing at once.
	last := program.Post(path(e)+"/rotate-secret", map[string]any{"overlap_seconds": 0}).Is(http.StatusCreated).JSON()
	require.Len(t, program.Anonymous().Get(path(e) + "/keys").JSON()["keys"], 1)
	r.answers(nil)
	emit(t, program.App.DB, program.Tenant, "tag.closed", 3)
	parvistest.Eventually(t, "they arrive", func() bool { return len(r.of("tag.closed")) == 3 })
	newest, err := reference.NewWebhook(last["secret"].(string))
	require.NoError(t, err)
	for _, d := range r.of("tag.closed") {
		require.NoError(t, newest.Verify(d.body, d.header))
		require.Error(t, old.Verify(d.body, d.header))
	}
}
