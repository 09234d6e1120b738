package maildomain_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/forms/maildomain"
	"github.com/parvis-crm/parvis/internal/parvistest/nameserver"
)

func TestVerdicts(t *testing.T) {
	t.Parallel()
	server := nameserver.Start(t, map[string]nameserver.Zone{
		"mx.fr": {MX: []string{"mail.mx.fr", "backup.mx.fr"}}, "address.fr": {A: [4]byte{192, 0, 2, 1}}, "null.fr": {MX: []string{"."}, A: [4]byte{192, 0, 2, 1}},
		"empty.fr": {}, "broken.fr": {Broken: true}, "silent.fr": {Silent: true}, "example.org": {MX: []string{"."}}, "xn--thtre-xqa3d.fr": {MX: []string{"mail.mx.fr"}},
	})
	check := maildomain.Checker{Resolver: server.Resolver(), Timeout: 500 * time.Millisecond}
	for domain, want := range map[string]maildomain.Verdict{
		"mx.fr": maildomain.Accepts, "MX.fr.": maildomain.Accepts, "address.fr": maildomain.Accepts, "xn--thtre-xqa3d.fr": maildomain.Accepts,
		"null.fr": maildomain.Refuses, "empty.fr": maildomain.Refuses, "nothing.fr": maildomain.Refuses, "example.org": maildomain.Refuses,
		"broken.fr": maildomain.Unknown, "silent.fr": maildomain.Unknown,
		"courriel.example": maildomain.Reserved, "a.test": maildomain.Reserved, "x.invalid": maildomain.Reserved, "localhost": maildomain.Reserved,
	} {
		t.Run(domain, func(t *testing.T) {
			t.Parallel()
			begun := time.Now()
			require.Equal(t, want, check.Check(t.Context(), domain, false))
			require.Less(t, time.Since(begun), 3*time.Second)
		})
	}
	require.Equal(t, maildomain.Reserved, check.Check(t.Context(), "sub.example.org", true), "a sandbox may use these")
	require.Equal(t, maildomain.Refuses, check.Check(t.Context(), "notexample.org", true))
}

// A resolver in a closed network denies every name: that is no answer.
func TestResolverThatIsCutOffRefusesNobody(t *testing.T) {
	t.Parallel()
	server := nameserver.Start(t, map[string]nameserver.Zone{"null.fr": {MX: []string{"."}}, "empty.fr": {}})
	server.Isolate()
	check := maildomain.Checker{Resolver: server.Resolver()}
	require.Equal(t, maildomain.Unknown, check.Check(t.Context(), "nothing.fr", false))
	require.Equal(t, maildomain.Unknown, check.Check(t.Context(), "empty.fr", false))
	require.Equal(t, maildomain.Refuses, check.Check(t.Context(), "null.fr", false))
}
