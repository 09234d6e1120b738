package config_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
)

// Every setting is in the table that operators read.
func TestSettingsAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/running.md")
	require.NoError(t, err)
	for field := range reflect.TypeFor[config.Config]().Fields() {
		name := field.Tag.Get("env")
		require.Contains(t, string(page), "| `"+name+"` |")
	}
}

func TestValidateNamesEveryMistake(t *testing.T) {
	t.Parallel()
	err := config.Config{PublicURL: "no url", RateDefault: 0, LogFormat: "xml"}.Validate()
	require.ErrorContains(t, err, "PARVIS_PUBLIC_URL")
	require.ErrorContains(t, err, "PARVIS_RATE_")
	require.ErrorContains(t, err, "PARVIS_LOG_FORMAT")
}

func TestAddressesAndLimitsAreUsable(t *testing.T) {
	t.Parallel()
	for variable, change := range map[string]func(*config.Config){
		"PARVIS_PUBLIC_URL":     func(c *config.Config) { c.PublicURL = "https://crm.example/path?q=1#f" },
		"PARVIS_MAIL_FROM":      func(c *config.Config) { c.MailFrom = "zz" },
		"PARVIS_SHUTDOWN_GRACE": func(c *config.Config) { c.ShutdownGrace = -1 },
		"PARVIS_DB_MAX_CONNS":   func(c *config.Config) { c.MaxConns = -3 },
	} {
		c := config.Config{MaxConns: 1, PublicURL: "https://crm.example/path", MailFrom: "Parvis <no-reply@crm.example>"}
		require.NotContains(t, c.Validate().Error(), variable)
		change(&c)
		require.ErrorContains(t, c.Validate(), variable)
	}
}

func TestMistakesAreNamedByTheirVariable(t *testing.T) {
	for variable, sentence := range map[string]string{
		"PARVIS_RATE_DEFAULT=abc":                                  "PARVIS_RATE_DEFAULT is a whole number",
		"PARVIS_SHUTDOWN_GRACE=5":                                  "PARVIS_SHUTDOWN_GRACE is a duration such as 90s, 5m or 2h",
		"PARVIS_WEBHOOK_SCHEDULE=1s,2":                             "PARVIS_WEBHOOK_SCHEDULE is durations such as 90s, 5m or 2h, separated by commas",
		"PARVIS_WORKERS=maybe":                                     "PARVIS_WORKERS is true or false",
		"PARVIS_METRICS_CIDRS=here":                                "PARVIS_METRICS_CIDRS is networks such as 10.0.0.0/8 or 2001:db8::/32, separated by commas",
		"PARVIS_ADDR=127.0.0.1":                                    "PARVIS_ADDR is an address with a port of at most 65535, such as 127.0.0.1:8080",
		"PARVIS_ADDR=127.0.0.1:99999":                              "PARVIS_ADDR is an address with a port of at most 65535, such as 127.0.0.1:8080",
		"PARVIS_DATABASE_URL=mysql://h/d":                          "PARVIS_DATABASE_URL begins with postgres:// or postgresql://",
		"PARVIS_SMTP_URL=http://h":                                 "PARVIS_SMTP_URL begins with smtp:// or smtps://",
		"PARVIS_LOG_LEVEL=loud":                                    "PARVIS_LOG_LEVEL is debug, info, warn or error",
		"PARVIS_TOKEN_ALGORITHM=HS256":                             "PARVIS_TOKEN_ALGORITHM is ES256 or RS256",
		"PARVIS_DB_MAX_CONNS=0":                                    "PARVIS_DB_MAX_CONNS is at least 1",
		"PARVIS_DB_MAX_CONNS=-3":                                   "PARVIS_DB_MAX_CONNS is at least 1",
		"PARVIS_CONNECTOR_DEBOUNCE=-1s":                            "PARVIS_CONNECTOR_DEBOUNCE and PARVIS_CONNECTOR_BACKOFF are longer than nothing",
		"PARVIS_CONNECTOR_BACKOFF=0s":                              "PARVIS_CONNECTOR_DEBOUNCE and PARVIS_CONNECTOR_BACKOFF are longer than nothing",
		"PARVIS_OPERATION_LEASE=0s":                                "PARVIS_OPERATION_LEASE is at least 2s",
		"PARVIS_RATE_INBOUND=0":                                    "PARVIS_RATE_* must be at least 1 request a minute",
		"PARVIS_HOSTING_COUNTRY=ZZZ":                               `PARVIS_HOSTING_COUNTRY names a country by the two letters of ISO 3166-1, such as FR, and "ZZZ" is none`,
		"PARVIS_HOSTING_COUNTRY=UK":                                `PARVIS_HOSTING_COUNTRY names a country by the two letters of ISO 3166-1, such as FR, and "UK" is none`,
		"PARVIS_HOSTING_COUNTRY=ZZ":                                `PARVIS_HOSTING_COUNTRY names a country by the two letters of ISO 3166-1, such as FR, and "ZZ" is none`,
		"PARVIS_HOSTING_OWNER_COUNTRY=fr":                          `PARVIS_HOSTING_OWNER_COUNTRY names a country by the two letters of ISO 3166-1, such as FR, and "fr" is none`,
		"PARVIS_DECLARED_HOSTS=smtp.example.org=FR/Exemple/France": `PARVIS_DECLARED_HOSTS names a country by the two letters of ISO 3166-1, such as FR, and "France" is none`,
	} {
		t.Run(variable, func(t *testing.T) {
			name, value, _ := strings.Cut(variable, "=")
			t.Setenv(name, value)
			_, err := config.Load()
			require.EqualError(t, err, sentence)
		})
	}
	t.Run("a country that exists", func(t *testing.T) {
		t.Setenv("PARVIS_HOSTING_COUNTRY", "FR")
		t.Setenv("PARVIS_DECLARED_HOSTS", "smtp.example.org=BE/Exemple/LU,.example.net=DE,example.com=/Exemple")
		_, err := config.Load()
		require.NoError(t, err)
	})
	require.Equal(t, []config.Misspelt{{"PARVIS_BREACHED_PASWORD", "PARVIS_BREACHED_PASSWORDS"}, {"PARVIS_DATABSE_URL", "PARVIS_DATABASE_URL"}, {"PARVIS_RATE_DEFAUL", "PARVIS_RATE_DEFAULT"}, {"PARVIS_XYZ", ""}},
		config.Unknown([]string{"PARVIS_ADDR=:80", "PARVIS_XYZ=1", "PARVIS_RATE_DEFAUL=1", "PATH=/bin", "PARVIS_TEST_NODE=skip", "PARVIS_DATABSE_URL=x", "PARVIS_BREACHED_PASWORD=x"}))
}
