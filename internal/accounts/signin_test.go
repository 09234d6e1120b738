package accounts_test

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestSignInGivesTheUsersRights(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	tokens := w.signIn("  INES.Marchand@Arcades.example ", good).Is(201).JSON()
	require.EqualValues(t, 900, tokens["expires_in"])
	me := w.as(tokens).Get("/v1/me").Is(200).JSON()
	require.Equal(t, object{"kind": "user", "id": w.ines}, me["actor"])
	w.as(tokens).Get("/v1/users").Is(200)
	w.as(tokens).Get("/v1/contacts").Problem(403, "insufficient-scope")
	w.Patch("/v1/users/"+w.ines, object{"scopes": []string{"contacts:read"}}).Is(200)
	parvistest.Eventually(t, "rights are those of now", func() bool { return w.as(tokens).Get("/v1/contacts").Status == 200 })
	w.as(tokens).Get("/v1/users").Problem(403, "insufficient-scope")
	started := w.eventually("session.started", 1)[0]["data"].(object)
	require.Equal(t, []any{"pwd"}, started["facts"].(object)["methods"])
	require.Equal(t, w.ines, w.events("session.started")[0]["actor"].(object)["id"])
}

// Unknown, wrong, deactivated, federated, without a password, in another
// institution: one answer.
func TestRefusalsAreAllTheSame(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	w.user("nopassword@arcades.example", "N")
	gone := w.user("gone@arcades.example", "Gone")
	w.register(gone, "gone@arcades.example", good)
	w.setActive(gone, "deactivate")
	fed := w.user("fed@arcades.example", "Fed")
	w.register(fed, "fed@arcades.example", good)
	w.Patch("/v1/users/"+fed, object{"issuer": "https://idp.example", "subject": "1"}).Is(200)
	strip := func(a *parvistest.Answer) object {
		p := a.Problem(401, "sign-in-refused")
		delete(p, "request_id")
		delete(p, "instance")
		return p
	}
	want := strip(w.signIn(inesMail, "wrong"))
	for _, email := range []string{"nobody@arcades.example", "nopassword@arcades.example", "gone@arcades.example", "fed@arcades.example"} {
		require.Equal(t, want, strip(w.signIn(email, good)), email)
	}
	require.Equal(t, want, strip(w.public("/v1/sessions", object{"institution_id": uuid.New(), "email": inesMail, "password": good})))
	failed := w.eventually("sign_in.failed", 5)
	require.Equal(t, w.ines, failed[0]["data"].(object)["facts"].(object)["user_id"])
	require.Nil(t, failed[1]["data"].(object)["facts"].(object)["user_id"])
}

func TestFailuresWaitLongerEachTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	for _, email := range []string{inesMail, "nobody@arcades.example"} { // the same for both
		for range 5 {
			w.signIn(email, "wrong").Problem(401, "sign-in-refused")
		}
		a := w.signIn(email, good)
		a.Problem(http.StatusTooManyRequests, "too-many-attempts")
		require.Equal(t, "30", a.Header.Get("Retry-After"))
		w.clock.Advance(31 * time.Second)
		w.signIn(email, "wrong").Problem(401, "sign-in-refused")
		require.Equal(t, "60", w.signIn(email, good).Header.Get("Retry-After"))
		w.clock.Advance(59 * time.Second)
		w.signIn(email, good).Problem(http.StatusTooManyRequests, "too-many-attempts")
		w.clock.Advance(2 * time.Second)
	}
	w.clock.Advance(2 * time.Hour) // the address has failed often by now
	w.signedIn()
	for range 4 {
		w.signIn(inesMail, "wrong").Problem(401, "sign-in-refused")
	}
	w.signedIn() // a success takes all of it back
	w.signIn(inesMail, "wrong").Problem(401, "sign-in-refused")
	w.signedIn()
	locked := w.eventually("sign_in.locked", 4)
	require.Equal(t, "account", locked[0]["data"].(object)["facts"].(object)["what"])
}

// A lock is lifted by whoever has the mailbox.
func TestALinkLiftsALock(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	for range 5 {
		w.signIn(inesMail, "wrong")
	}
	w.signIn(inesMail, good).Problem(429, "too-many-attempts")
	w.register(w.ines, inesMail, better)
	w.signIn(inesMail, better).Is(201)
}

// The count is in the database, and counts before it looks: many guesses at
// once, at several processes, are not more than a few.
func TestGuessesAtOnceAreCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	other := w.beside()
	var refused, waiting int
	var mu sync.Mutex
	var all sync.WaitGroup
	for i := range 30 {
		all.Go(func() {
			c := w.Anonymous()
			if i%2 == 0 {
				c = other.Anonymous()
			}
			status := c.Post("/v1/sessions", object{"institution_id": w.Tenant, "email": inesMail, "password": fmt.Sprint("guess ", i)}, parvistest.Header("Idempotency-Key", "")).Status
			mu.Lock()
			defer mu.Unlock()
			switch status {
			case 401:
				refused++
			case 429:
				waiting++
			}
		})
	}
	all.Wait()
	require.Equal(t, 5, refused)
	require.Equal(t, 25, waiting)
}

func TestAnAddressWaitsToo(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.register(w.ines, inesMail, good)
	for i := range 20 {
		w.signIn(fmt.Sprintf("user%d@arcades.example", i), "wrong").Problem(401, "sign-in-refused")
	}
	w.signIn(inesMail, good).Problem(429, "too-many-attempts")
	w.clock.Advance(31 * time.Second)
	w.signedIn()
	require.Equal(t, "address", w.eventually("sign_in.locked", 1)[0]["data"].(object)["facts"].(object)["what"])
}

func TestHashesGrowAtSignIn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.PasswordMemory = 256 })
	w.register(w.ines, inesMail, good)
	require.Equal(t, 1, w.count("select count(*) from crm.account_passwords where password_hash like '%m=256,%'"))
	larger := w.beside(func(c *config.Config) { c.PasswordMemory = 512 })
	larger.Anonymous().Post("/v1/sessions", object{"institution_id": w.Tenant, "email": inesMail, "password": good}, parvistest.Header("Idempotency-Key", "")).Is(201)
	require.Equal(t, 1, w.count("select count(*) from crm.account_passwords where password_hash like '%m=512,%'"))
	w.signedIn()
	require.Equal(t, 1, w.count("select count(*) from crm.account_passwords where password_hash like '%m=512,%'"), "never back to less")
}

// How long a refusal takes tells nothing about whether the account exists. The
// times are compared with each other, by rank, and no time is expected.
func TestTimeTellsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *config.Config) { c.PasswordMemory = 19456 })
	w.register(w.ines, inesMail, good)
	took := func(email string) time.Duration {
		w.clock.Advance(25 * time.Hour) // nothing waits
		start := time.Now()
		w.signIn(email, "wrong").Problem(401, "sign-in-refused")
		return time.Since(start)
	}
	const rounds, samples = 4, 25
	for range rounds {
		var known, unknown []time.Duration
		for range samples {
			known, unknown = append(known, took(inesMail)), append(unknown, took("nobody@arcades.example"))
		}
		// The share of pairs in which the known account took longer: one half if
		// nothing can be told, with a deviation of 0.08 at 25 samples.
		longer := 0
		for _, k := range known {
			for _, u := range unknown {
				if k > u {
					longer++
				}
			}
		}
		share := float64(longer) / samples / samples
		slices.Sort(known)
		slices.Sort(unknown)
		t.Logf("known longer in %.2f of pairs; medians %v and %v", share, known[samples/2], unknown[samples/2])
		if share > 0.3 && share < 0.7 {
			return
		}
	}
	require.Fail(t, "the time tells whether an account exists")
}
