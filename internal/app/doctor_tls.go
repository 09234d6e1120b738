package app

import (
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/mail"
)

// examineConnections judges whether what leaves this machine is encrypted, and
// to whom it is known to go.
func (f *findings) examineConnections(cfg config.Config) {
	seen := map[string]bool{}
	for _, one := range []struct{ name, url string }{
		{"PARVIS_DATABASE_URL", cfg.DatabaseURL}, {"PARVIS_MIGRATION_URL", cfg.MigrationURL}, {"PARVIS_LISTEN_URL", cfg.ListenURL},
	} {
		if one.url != "" && !seen[one.url] {
			seen[one.url] = true
			f.examineDatabaseTLS(one.name, one.url)
		}
	}
	if u, err := url.Parse(cfg.SMTPURL); err == nil && cfg.SMTPURL != "" {
		switch {
		case loopback(u.Hostname()):
		case mail.Clear(u):
			f.sayf(warning, "Mails, with links that open accounts, may go to %s in the clear: take ?tls=optional out of PARVIS_SMTP_URL once that server offers STARTTLS.", u.Host)
		default:
			f.sayf(fine, "Mails go to %s by TLS only.", u.Host)
		}
	}
	if u, err := url.Parse(cfg.TraceEndpoint); err == nil && cfg.TraceEndpoint != "" && !loopback(u.Hostname()) {
		if u.Scheme == "https" {
			f.sayf(fine, "Traces go to %s by TLS.", u.Host)
		} else {
			f.sayf(wrong, "Traces go to %s in the clear: give OTEL_EXPORTER_OTLP_ENDPOINT as https, or put a collector on this machine.", u.Host)
		}
	}
}

// examineServerTLS judges how the server itself is reached.
func (f *findings) examineServerTLS(cfg config.Config, now time.Time) {
	if cfg.TLSCert == "" {
		switch {
		case cfg.AllowPlainHTTP && !cfg.HTTPSRequired():
			f.sayf(warning, "PARVIS_ALLOW_PLAIN_HTTP lets credentials travel in the clear on %s: take it away once TLS is there.", cfg.Addr)
		case cfg.HTTPSRequired() && len(cfg.TrustedProxies) == 0:
			f.sayf(wrong, "%s is reached by others than this machine without TLS, so every request is refused: set PARVIS_TLS_CERT and PARVIS_TLS_KEY, or name the proxy that ends TLS in PARVIS_TRUSTED_PROXIES.", cfg.Addr)
		}
		return
	}
	c := &certificate{cert: cfg.TLSCert, key: cfg.TLSKey}
	pair, err := c.current()
	if err != nil {
		f.sayf(wrong, "%v.", err)
		return
	}
	if info, err := os.Stat(cfg.TLSKey); err == nil && info.Mode().Perm()&0o077 != 0 {
		f.sayf(wrong, "%s can be read by other users of this machine: chmod 600 %s.", cfg.TLSKey, cfg.TLSKey)
	}
	until := pair.Leaf.NotAfter
	switch {
	case !now.Before(until):
		f.sayf(wrong, "The certificate in %s ended on %s: renew it.", cfg.TLSCert, until.Format(time.DateOnly))
	case until.Sub(now) < 14*24*time.Hour:
		f.sayf(warning, "The certificate in %s ends on %s: renew it.", cfg.TLSCert, until.Format(time.DateOnly))
	default:
		f.sayf(fine, "The certificate in %s is good until %s.", cfg.TLSCert, until.Format(time.DateOnly))
	}
}

// examineDatabaseTLS judges a connection string as PostgreSQL's clients read it.
func (f *findings) examineDatabaseTLS(name, raw string) {
	c, err := pgconn.ParseConfig(raw)
	if err != nil {
		return // said where it is used
	}
	host := c.Host
	if strings.HasPrefix(host, "/") || loopback(host) {
		f.sayf(fine, "%s stays on this machine.", name)
		return
	}
	readable := c.TLSConfig == nil
	for _, other := range c.Fallbacks {
		readable = readable || other.TLSConfig == nil
	}
	switch {
	case readable:
		f.sayf(wrong, "%s lets everything go to %s in the clear: add sslmode=verify-full, and sslrootcert with the authority of that server.", name, host)
	case c.TLSConfig.ServerName == "" || (c.TLSConfig.InsecureSkipVerify && c.TLSConfig.VerifyPeerCertificate == nil):
		f.sayf(wrong, "%s goes to %s encrypted, to whoever answers there: sslmode=verify-full asks for a certificate of that name.", name, host)
	case c.TLSConfig.InsecureSkipVerify:
		f.sayf(warning, "%s goes to %s encrypted, to any server of its authority: sslmode=verify-full asks for that name too.", name, host)
	default:
		f.sayf(fine, "%s goes to %s by TLS, with a certificate of that name.", name, host)
	}
}
