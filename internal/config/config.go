// Package config is everything an operator can decide, from the environment
// only (twelve-factor), in one typed struct with its defaults.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"slices"
	"time"

	"github.com/caarlos0/env/v11"
)

// Config is read once at start. Durations are in Go's form (90s, 5m).
type Config struct {
	// Addr is where the server listens, host:port.
	Addr string `env:"PARVIS_ADDR" envDefault:"127.0.0.1:8080"`
	// PublicURL is the address by which the outside reaches the server; links
	// in mails are made from it. Empty: http:// and Addr.
	PublicURL string `env:"PARVIS_PUBLIC_URL"`
	// DataDir is the folder of the private PostgreSQL, of files and of keys.
	DataDir string `env:"PARVIS_DATA_DIR" envDefault:"./.parvis"`
	// DatabaseURL points at a PostgreSQL server instead of the private one.
	DatabaseURL string `env:"PARVIS_DATABASE_URL"`
	// MigrationURL is the login that owns the schema; DatabaseURL if empty.
	MigrationURL string `env:"PARVIS_MIGRATION_URL"`
	// ListenURL is a direct connection where DatabaseURL goes through a
	// transaction pooler; DatabaseURL if empty.
	ListenURL string `env:"PARVIS_LISTEN_URL"`
	// PostgresBin is the folder of the PostgreSQL programs, found if empty.
	PostgresBin string `env:"PARVIS_PG_BIN_DIR"`
	// MaxConns bounds the connection pool.
	MaxConns int32 `env:"PARVIS_DB_MAX_CONNS" envDefault:"20"`
	// MasterKey is 32 bytes in base64, from which all keys at rest derive.
	// Empty: the file master.key of the data folder, made at the first start.
	MasterKey string `env:"PARVIS_MASTER_KEY"`
	// MasterKeyFile is a file that holds the master key in the same form, such as a
	// mounted secret.
	MasterKeyFile string `env:"PARVIS_MASTER_KEY_FILE"`
	// FormerMasterKeys still open what they wrapped, until
	// `parvis admin rewrap-keys` was run.
	FormerMasterKeys []string `env:"PARVIS_FORMER_MASTER_KEYS"`
	// KMSURL is a key management service with the transit API of HashiCorp Vault,
	// which then wraps the keys of institutions instead of the master key.
	KMSURL string `env:"PARVIS_KMS_URL"`
	// KMSKey is the name of the key there, KMSMount the path of the engine.
	KMSKey   string `env:"PARVIS_KMS_KEY" envDefault:"parvis"`
	KMSMount string `env:"PARVIS_KMS_MOUNT" envDefault:"transit"`
	// KMSToken, or the file that an agent keeps it in.
	KMSToken     string `env:"PARVIS_KMS_TOKEN"`
	KMSTokenFile string `env:"PARVIS_KMS_TOKEN_FILE"`
	// KMSNamespace of the service, where it has any.
	KMSNamespace string `env:"PARVIS_KMS_NAMESPACE"`
	// KMSLeaving: the service only opens what it wrapped; the master key wraps.
	KMSLeaving bool `env:"PARVIS_KMS_LEAVING"`
	// TrustedProxies are the networks whose X-Forwarded-For is believed.
	TrustedProxies []netip.Prefix `env:"PARVIS_TRUSTED_PROXIES"`
	// RequireHTTPS refuses requests that came in by plain HTTP, here or at a
	// trusted proxy.
	RequireHTTPS bool `env:"PARVIS_REQUIRE_HTTPS"`
	// AllowPlainHTTP lets plain HTTP in where the server listens beyond this
	// machine, which is refused otherwise.
	AllowPlainHTTP bool `env:"PARVIS_ALLOW_PLAIN_HTTP"`
	// TLSCert and TLSKey are PEM files with which the server speaks TLS itself, read
	// again when they change. TLSClientCA is one with the authorities whose
	// certificates programs have to show beside their credential.
	TLSCert     string `env:"PARVIS_TLS_CERT"`
	TLSKey      string `env:"PARVIS_TLS_KEY"`
	TLSClientCA string `env:"PARVIS_TLS_CLIENT_CA"`
	// MetricsCIDRs are the networks that may read /metrics, and MetricsToken what
	// anybody else must hold.
	MetricsCIDRs []netip.Prefix `env:"PARVIS_METRICS_CIDRS" envDefault:"127.0.0.0/8,::1/128"`
	MetricsToken string         `env:"PARVIS_METRICS_TOKEN"`
	// SecurityContact is where the operator wants to hear of flaws: a mailto: or
	// https: address for /.well-known/security.txt.
	SecurityContact string `env:"PARVIS_SECURITY_CONTACT"`
	// WebhookAllowCIDRs are in-house networks that webhooks may reach, also by
	// plain HTTP; everything private is refused otherwise.
	WebhookAllowCIDRs []netip.Prefix `env:"PARVIS_WEBHOOK_ALLOW_CIDRS"`
	// ConformanceAddr is where connectors under trial send while a conformance run
	// is under way, ConformanceURL how they call it.
	ConformanceAddr string `env:"PARVIS_CONFORMANCE_ADDR" envDefault:"127.0.0.1:0"`
	ConformanceURL  string `env:"PARVIS_CONFORMANCE_URL"`
	// WebhookSchedule replaces the delays between delivery attempts.
	WebhookSchedule []time.Duration `env:"PARVIS_WEBHOOK_SCHEDULE"`
	// SMTPURL is smtp://user:password@host:port, or smtps://. Empty: mails wait.
	SMTPURL string `env:"PARVIS_SMTP_URL"`
	// MailFrom is the sender of our mails.
	MailFrom string `env:"PARVIS_MAIL_FROM" envDefault:"Parvis <no-reply@localhost>"`
	// RateDefault, RateSearch and RateForm are requests a minute.
	RateDefault int `env:"PARVIS_RATE_DEFAULT" envDefault:"600"`
	RateSearch  int `env:"PARVIS_RATE_SEARCH" envDefault:"60"`
	RateBulk    int `env:"PARVIS_RATE_BULK" envDefault:"120"`
	RateForm    int `env:"PARVIS_RATE_FORM" envDefault:"10"`
	RateOAuth   int `env:"PARVIS_RATE_OAUTH" envDefault:"60"`
	// FreeAttempts is how often an address may fail at one key or client before it must wait.
	FreeAttempts int `env:"PARVIS_FREE_ATTEMPTS" envDefault:"10"`
	// RateSignIn is attempts to sign in a minute and address; what fails waits
	// longer than that.
	RateSignIn int `env:"PARVIS_RATE_SIGN_IN" envDefault:"30"`
	// RateInbound is calls of ticketing systems a minute and address.
	RateInbound int `env:"PARVIS_RATE_INBOUND" envDefault:"6000"`
	// ConnectorDebounce is how long calls of a ticketing system are gathered before
	// it is read, ConnectorBackoff the first pause after a failure to read.
	ConnectorDebounce time.Duration `env:"PARVIS_CONNECTOR_DEBOUNCE" envDefault:"1500ms"`
	ConnectorBackoff  time.Duration `env:"PARVIS_CONNECTOR_BACKOFF" envDefault:"5s"`
	// SessionIdle is how long a session lasts that nobody uses, SessionLifetime
	// how long one lasts at all.
	SessionIdle     time.Duration `env:"PARVIS_SESSION_IDLE" envDefault:"2h"`
	SessionLifetime time.Duration `env:"PARVIS_SESSION_LIFETIME" envDefault:"12h"`
	// PasswordMemory is what hashing one password takes, in KiB.
	PasswordMemory int `env:"PARVIS_PASSWORD_MEMORY" envDefault:"47104"`
	// BreachedPasswords is a file of SHA-1 digests of breached passwords in
	// hexadecimal, one a line and sorted, whatever follows a colon.
	BreachedPasswords string `env:"PARVIS_BREACHED_PASSWORDS"`
	// RateInstitution is what all credentials of an institution may ask a minute
	// altogether, RateAddress what one address may; 0: any.
	RateInstitution int `env:"PARVIS_RATE_INSTITUTION" envDefault:"6000"`
	RateAddress     int `env:"PARVIS_RATE_ADDRESS" envDefault:"6000"`
	// BulkPlaces is how many bulk operations an institution does at once; 0: any.
	BulkPlaces int `env:"PARVIS_BULK_CONCURRENCY" envDefault:"4"`
	// TokenAlgorithm signs access tokens: ES256 or RS256. A change takes effect
	// with the next signing key.
	TokenAlgorithm string `env:"PARVIS_TOKEN_ALGORITHM" envDefault:"ES256"`
	// FormMinimumFill is how long a person needs at least to fill a form.
	FormMinimumFill time.Duration `env:"PARVIS_FORM_MINIMUM_FILL" envDefault:"3s"`
	// FormWorkCost is the cost of a form's proof of work.
	FormWorkCost int `env:"PARVIS_FORM_WORK_COST" envDefault:"5000"`
	// FormMailCheck: whether the domain of a visitor's address is looked up.
	FormMailCheck bool `env:"PARVIS_FORM_MAIL_CHECK" envDefault:"true"`
	// MaxArchive is the greatest archive that an import takes, in bytes; 0: 20 GiB.
	MaxArchive int64 `env:"PARVIS_MAX_ARCHIVE" envDefault:"21474836480"`
	// ShutdownGrace is how long requests in flight may take at the end.
	ShutdownGrace time.Duration `env:"PARVIS_SHUTDOWN_GRACE" envDefault:"20s"`
	// LogFormat is json or text; LogLevel debug, info, warn or error.
	LogFormat string `env:"PARVIS_LOG_FORMAT" envDefault:"text"`
	LogLevel  string `env:"PARVIS_LOG_LEVEL" envDefault:"info"`
	// TraceEndpoint is an OTLP/HTTP collector; empty: no traces leave.
	TraceEndpoint string `env:"OTEL_EXPORTER_OTLP_ENDPOINT"`
	// HostingCountry (ISO 3166-1), HostingProvider and HostingOwnerCountry, whose
	// law the provider obeys, say where the data is.
	HostingCountry      string `env:"PARVIS_HOSTING_COUNTRY"`
	HostingProvider     string `env:"PARVIS_HOSTING_PROVIDER"`
	HostingOwnerCountry string `env:"PARVIS_HOSTING_OWNER_COUNTRY"`
	// DeclaredHosts are those to which anything may be sent, each as
	// host=country/owner/country of the owner; .example.org is all below it.
	DeclaredHosts []string `env:"PARVIS_DECLARED_HOSTS"`
	// OperationLease is how long a worker at long work may give no sign of life
	// before another goes on with it; the same for all programs on a database.
	OperationLease time.Duration `env:"PARVIS_OPERATION_LEASE" envDefault:"20s"`
	// Workers: whether this process runs background work.
	Workers bool `env:"PARVIS_WORKERS" envDefault:"true"`
}

// Load reads the environment and checks it.
func Load() (Config, error) {
	c, err := env.ParseAs[Config]()
	if err != nil {
		return c, errors.Join(unreadable(err)...)
	}
	return c, c.Validate()
}

// usable refuses what has the right form and could not be worked with.
func (c Config) usable() (errs []error) {
	if u, err := url.Parse(c.PublicURL); c.PublicURL != "" && err == nil && (u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.Fragment != "" || u.User != nil) {
		// It is the issuer of tokens too (RFC 8414 §2).
		errs = append(errs, errors.New("PARVIS_PUBLIC_URL is an http or https address without user, query and fragment"))
	}
	if _, err := mail.ParseAddress(c.MailFrom); err != nil && c.MailFrom != "" {
		errs = append(errs, errors.New("PARVIS_MAIL_FROM is an e-mail address, with a name or without"))
	}
	if c.ShutdownGrace < 0 || c.FormMinimumFill < 0 || c.MaxArchive < 0 || slices.ContainsFunc(c.WebhookSchedule, func(d time.Duration) bool { return d < 0 }) {
		errs = append(errs, errors.New("PARVIS_SHUTDOWN_GRACE, PARVIS_FORM_MINIMUM_FILL, PARVIS_MAX_ARCHIVE and PARVIS_WEBHOOK_SCHEDULE are not negative"))
	}
	if c.MaxConns < 1 {
		errs = append(errs, errors.New("PARVIS_DB_MAX_CONNS is at least 1"))
	}
	if c.ConnectorDebounce <= 0 || c.ConnectorBackoff <= 0 {
		errs = append(errs, errors.New("PARVIS_CONNECTOR_DEBOUNCE and PARVIS_CONNECTOR_BACKOFF are longer than nothing"))
	}
	return errs
}

// Validate returns every mistake at once, each as a sentence.
func (c Config) Validate() error {
	var errs []error
	for name, raw := range map[string]string{"PARVIS_PUBLIC_URL": c.PublicURL, "PARVIS_SECURITY_CONTACT": c.SecurityContact, "PARVIS_SMTP_URL": c.SMTPURL, "PARVIS_DATABASE_URL": c.DatabaseURL} {
		if raw == "" {
			continue
		}
		if u, err := url.Parse(raw); err != nil || u.Scheme == "" {
			errs = append(errs, fmt.Errorf("%s is not a URL", name))
		}
	}
	errs = append(errs, c.usable()...)
	errs = append(errs, c.places()...)
	errs = append(errs, c.countries()...)
	if c.RateDefault < 1 || c.RateSearch < 1 || c.RateBulk < 1 || c.RateForm < 1 || c.RateOAuth < 1 || c.RateSignIn < 1 || c.RateInbound < 1 || c.FreeAttempts < 1 {
		errs = append(errs, errors.New("PARVIS_RATE_* must be at least 1 request a minute"))
	}
	if c.RateInstitution < 0 || c.RateAddress < 0 || c.BulkPlaces < 0 {
		errs = append(errs, errors.New("PARVIS_RATE_INSTITUTION, PARVIS_RATE_ADDRESS and PARVIS_BULK_CONCURRENCY are 0 (no limit) or more"))
	}
	if c.TokenAlgorithm != "ES256" && c.TokenAlgorithm != "RS256" {
		errs = append(errs, errors.New("PARVIS_TOKEN_ALGORITHM is ES256 or RS256"))
	}
	if c.SessionIdle < 15*time.Minute || c.SessionLifetime < c.SessionIdle {
		errs = append(errs, errors.New("PARVIS_SESSION_IDLE is at least 15m, and PARVIS_SESSION_LIFETIME not shorter"))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		errs = append(errs, errors.New("PARVIS_TLS_CERT and PARVIS_TLS_KEY go together"))
	}
	if c.TLSClientCA != "" && c.TLSCert == "" {
		errs = append(errs, errors.New("PARVIS_TLS_CLIENT_CA asks for PARVIS_TLS_CERT: who shows a certificate is seen where TLS ends"))
	}
	if c.PasswordMemory < 19456 {
		errs = append(errs, errors.New("PARVIS_PASSWORD_MEMORY is at least 19456 KiB"))
	}
	if c.OperationLease < 2*time.Second {
		errs = append(errs, errors.New("PARVIS_OPERATION_LEASE is at least 2s"))
	}
	switch c.LogFormat {
	case "json", "text":
	default:
		errs = append(errs, errors.New("PARVIS_LOG_FORMAT is json or text"))
	}
	return errors.Join(errs...)
}

// LargestArchive is the greatest archive that an import takes, in bytes.
func (c Config) LargestArchive() int64 {
	if c.MaxArchive > 0 {
		return c.MaxArchive
	}
	return 20 << 30
}

// PublicHost is the name of the address by which the outside reaches the server.
func (c Config) PublicHost() string {
	u, err := url.Parse(c.Public())
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// Public is the address by which the outside reaches the server.
func (c Config) Public() string {
	if c.PublicURL != "" {
		return c.PublicURL
	}
	if c.TLSCert != "" {
		return "https://" + c.Addr
	}
	return "http://" + c.Addr
}

// HTTPSRequired reports whether plain HTTP is refused: where the operator says
// so, and where others than this machine can reach the server.
func (c Config) HTTPSRequired() bool {
	host, _, err := net.SplitHostPort(c.Addr)
	ip, notIP := netip.ParseAddr(host)
	here := err == nil && (host == "localhost" || notIP == nil && ip.IsLoopback())
	return c.RequireHTTPS || !here && !c.AllowPlainHTTP
}
