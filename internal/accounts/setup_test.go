package accounts_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/smtpsink"
	"github.com/parvis-crm/parvis/internal/seal"
)

type object = map[string]any

const (
	inesMail = "ines.marchand@arcades.example"
	good     = "quatre lanternes au fond du jardin"
	better   = "un rideau rouge par temps de neige"
)

// world is a program with a user, a mailbox and a clock to move.
type world struct {
	*parvistest.App
	t     *testing.T
	sink  *smtpsink.Sink
	clock *clock.Fixed
	// master key of all processes.
	master []byte
	ines   string
}

func newWorld(t *testing.T, changes ...func(*config.Config)) *world {
	t.Helper()
	w := &world{t: t, sink: smtpsink.Start(t), clock: clock.NewFixed(time.Now()), master: seal.Generate()}
	w.App = parvistest.New(t, func(c *config.Config, o *app.Options) {
		c.SMTPURL = w.sink.URL
		o.Clock, o.MasterKey = w.clock, w.master
		for _, change := range changes {
			change(c)
		}
	})
	w.ines = w.user(inesMail, "Inès Marchand", "users:read", "departments:read")
	return w
}

func (w *world) user(email, name string, scopes ...string) string {
	return w.Post("/v1/users", object{"email": email, "name": name, "scopes": append([]string{}, scopes...)}).Is(201).ID()
}

// setActive deactivates or reactivates a user.
func (w *world) setActive(user, how string) {
	w.t.Helper()
	w.Post("/v1/users/"+user+"/"+how, nil, parvistest.IfMatch(w.Get("/v1/users/"+user).Is(200).ETag())).Is(200)
}

// beside is another process on the same database, with the same master key.
func (w *world) beside(changes ...func(*config.Config)) *parvistest.App {
	w.t.Helper()
	return parvistest.NewOn(w.t, w.DB, func(c *config.Config, o *app.Options) {
		o.Clock, o.MasterKey = w.clock, w.master
		for _, change := range changes {
			change(c)
		}
	})
}

// public calls without a credential.
func (w *world) public(path string, body any, options ...parvistest.RequestOption) *parvistest.Answer {
	return w.Anonymous().Post(path, body, append([]parvistest.RequestOption{parvistest.Header("Idempotency-Key", "")}, options...)...)
}

// as calls with a user's access token.
func (w *world) as(tokens object) *parvistest.Client {
	c := w.Anonymous()
	c.Key = tokens["access_token"].(string)
	return c
}

var linkForm = regexp.MustCompile(`/v1/public/password-links/[A-Za-z0-9_-]+`)

// mailed are the links in the mails to an address.
func (w *world) mailed(to string) []string {
	var out []string
	for _, m := range w.sink.Mails() {
		if m.To[0] == to {
			text := strings.ReplaceAll(strings.ReplaceAll(string(m.Raw), "\r\n", "\n"), "=\n", "")
			out = append(out, linkForm.FindAllString(text, -1)...)
		}
	}
	return out
}

// invited sends a user a link and returns it.
func (w *world) invited(user, email string) string {
	w.t.Helper()
	before := len(w.mailed(email))
	w.Post("/v1/users/"+user+"/invitations", nil).Is(202)
	parvistest.Eventually(w.t, "the link comes", func() bool { return len(w.mailed(email)) > before })
	return w.mailed(email)[before]
}

// register gives a user a password.
func (w *world) register(user, email, password string) {
	w.t.Helper()
	w.public(w.invited(user, email), object{"password": password}).Is(200)
}

func (w *world) signIn(email, password string) *parvistest.Answer {
	w.t.Helper()
	return w.public("/v1/sessions", object{"institution_id": w.Tenant, "email": email, "password": password}, parvistest.Header("User-Agent", "curl/8"))
}

// signedIn is the tokens of Inès, who has a password.
func (w *world) signedIn() object {
	w.t.Helper()
	return w.signIn(inesMail, good).Is(201).JSON()
}

func (w *world) refresh(token any) *parvistest.Answer {
	w.t.Helper()
	return w.public("/v1/sessions/refresh", object{"refresh_token": token})
}

// events are those of a type, oldest first.
func (w *world) events(kind string) []object {
	w.t.Helper()
	return w.Get("/v1/events?types=" + kind + "&limit=200").Is(200).Data()
}

// eventually waits for n events of a type, which get their numbers in time.
func (w *world) eventually(kind string, n int) []object {
	w.t.Helper()
	parvistest.Eventually(w.t, kind, func() bool { return len(w.events(kind)) >= n })
	all := w.events(kind)
	require.Len(w.t, all, n)
	return all
}

func (w *world) count(sql string, args ...any) int {
	w.t.Helper()
	conn, err := pgx.Connect(context.Background(), w.DB.OwnerURL)
	require.NoError(w.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	var n int
	require.NoError(w.t, conn.QueryRow(w.t.Context(), sql, args...).Scan(&n))
	return n
}

func (w *world) exec(sql string, args ...any) {
	w.t.Helper()
	conn, err := pgx.Connect(context.Background(), w.DB.OwnerURL)
	require.NoError(w.t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(w.t.Context(), sql, args...)
	require.NoError(w.t, err)
}
