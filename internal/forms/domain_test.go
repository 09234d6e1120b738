package forms_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/parvistest/nameserver"
)

func TestDomainsThatReceiveNoMailAreRefused(t *testing.T) {
	t.Parallel()
	dns := nameserver.Start(t, map[string]nameserver.Zone{
		"courriel.fr": {MX: []string{"mail.courriel.fr"}}, "hote.fr": {A: [4]byte{192, 0, 2, 1}}, "sans.fr": {MX: []string{"."}}, "muet.fr": {Silent: true},
	})
	w := newWorld(t, nil, parvistest.WithResolver(dns.Resolver()), parvistest.WithConfig(func(c *config.Config) { c.FormMailCheck = true }))
	for _, domain := range []string{"sans.fr", "couriel.fr"} {
		a := w.send(w.visit(t, map[string]any{"email": "camille@" + domain}))
		a.Problem(http.StatusUnprocessableEntity, "invalid")
		a.Points("#/data/email")
		require.Contains(t, string(a.Body), "no-mail-domain")
	}
	require.Empty(t, w.submissions(t))
	begun := time.Now()
	for _, domain := range []string{"courriel.fr", "hote.fr", "muet.fr", "courriel.example"} {
		w.send(w.visit(t, map[string]any{"email": "camille@" + domain})).Is(http.StatusAccepted)
	}
	require.Less(t, time.Since(begun), 15*time.Second, "a silent name server holds nobody up for long")
	require.Len(t, w.submissions(t), 4)
	require.Zero(t, dns.Asked("courriel.example"))
	metrics := string(w.Anonymous().Get("/metrics").Body)
	for _, want := range []string{`{verdict="refuses"} 2`, `{verdict="accepts"} 2`, `{verdict="unknown"} 1`, `{verdict="reserved"} 1`} {
		require.Contains(t, metrics, "parvis_form_mail_domains_total"+want)
	}
}

func TestDomainsAreNotLookedUpWhereThatIsSwitchedOff(t *testing.T) {
	t.Parallel()
	dns := nameserver.Start(t, nil)
	w := newWorld(t, nil, parvistest.WithResolver(dns.Resolver()))
	w.send(w.visit(t, map[string]any{"email": "camille@nowhere.fr"})).Is(http.StatusAccepted)
	require.Zero(t, dns.Asked("nowhere.fr"))
}
