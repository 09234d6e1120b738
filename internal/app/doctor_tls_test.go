package app

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
)

// What would leave this machine in the clear, or for whoever answers, is found.
func TestTheDoctorJudgesConnections(t *testing.T) {
	t.Parallel()
	database := func(u string) config.Config { return config.Config{DatabaseURL: u} }
	for _, one := range []struct {
		cfg  config.Config
		want verdict
		says string
	}{
		{database("postgres://p:hush@127.0.0.1/parvis"), fine, "stays on this machine"},
		{database("postgres://p:hush@/parvis?host=/run/postgresql"), fine, "stays on this machine"},
		{database("postgres://p:hush@db.ville.example/parvis"), wrong, "in the clear"}, // prefer, which falls back
		{database("postgres://p:hush@db.ville.example/parvis?sslmode=disable"), wrong, "in the clear"},
		{database("postgres://p:hush@db.ville.example/parvis?sslmode=allow"), wrong, "in the clear"},
		{database("postgres://p:hush@db.ville.example/parvis?sslmode=require"), wrong, "to whoever answers"},
		{database("postgres://p:hush@db.ville.example/parvis?sslmode=verify-ca"), warning, "any server of its authority"},
		{database("postgres://p:hush@db.ville.example/parvis?sslmode=verify-full"), fine, "with a certificate of that name"},
		{config.Config{SMTPURL: "smtp://u:hush@mail.ville.example"}, fine, "by TLS only"},
		{config.Config{SMTPURL: "smtp://u:hush@mail.ville.example?tls=optional"}, warning, "in the clear"},
		{config.Config{TraceEndpoint: "http://collector.ville.example:4318"}, wrong, "in the clear"},
		{config.Config{TraceEndpoint: "https://collector.ville.example"}, fine, "by TLS"},
	} {
		var out strings.Builder
		f := &findings{out: &out}
		f.examineConnections(one.cfg)
		require.Equal(t, 1, strings.Count(out.String(), "\n"), out.String())
		require.True(t, strings.HasPrefix(out.String(), string(one.want)), "%+v: %s", one.cfg, out.String())
		require.Contains(t, out.String(), one.says)
		require.NotContains(t, out.String(), "hush")
		require.Equal(t, one.want == wrong, f.errors > 0)
	}
}
