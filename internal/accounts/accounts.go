package accounts

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
)

const (
	secretSize = 32 // bytes: 256 bits
	// linkLife is how long a link to set a password is good for.
	linkLife = 24 * time.Hour
	linkPath = "/v1/public/password-links"
)

// Config is what the operator decides.
type Config struct {
	// Secret is 32 bytes, the same in every process.
	Secret []byte
	// PublicURL is the address that links begin with.
	PublicURL string
	// Idle and Lifetime end a session: unused for so long, and at all.
	Idle, Lifetime time.Duration
	// PasswordMemory is what hashing one password takes, in KiB.
	PasswordMemory int
	// BreachedPasswords is a file of digests, see [openBreached]; empty: none.
	BreachedPasswords string
}

// Needs are the parts of the program that accounts work with.
type Needs struct {
	Access *access.Service
	Mail   *mail.Service
	// TOTPs seals the secrets of second factors, see [TOTPSecrets].
	TOTPs vault.Sealer
	// IDTokens seals what providers want back, see [IDTokens].
	IDTokens vault.Sealer
	Log      *slog.Logger
}

// Service signs people in.
type Service struct {
	db       *pg.DB
	q        *accountsdb.Queries
	clock    clock.Clock
	log      *slog.Logger
	access   *access.Service
	mail     *mail.Service
	totps    vault.Sealer
	idTokens vault.Sealer
	config   Config
	hasher   *hasher
	breached *breached
	swept    time.Time
}

// NewService makes the service. It fails if the file of breached passwords
// cannot be read.
func NewService(db *pg.DB, c clock.Clock, needs Needs, config Config) (*Service, error) {
	leaked, err := openBreached(config.BreachedPasswords)
	if err != nil {
		return nil, err
	}
	return &Service{
		db: db, q: accountsdb.New(), clock: c, log: needs.Log, access: needs.Access, mail: needs.Mail, totps: needs.TOTPs, idTokens: needs.IDTokens, config: config,
		hasher: newHasher(config.PasswordMemory), breached: leaked,
	}, nil
}

// newSecret makes a secret; what is stored of it is its hash.
func newSecret() string {
	raw := make([]byte, secretSize)
	_, _ = rand.Read(raw) // never fails since Go 1.24: it ends the program instead
	return base64.RawURLEncoding.EncodeToString(raw)
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// mac is a keyed hash for one use.
func (s *Service) mac(use string, parts ...string) []byte {
	m := hmac.New(sha256.New, s.config.Secret)
	m.Write([]byte("accounts\x00" + use + "\x00" + strings.Join(parts, "\x00")))
	return m.Sum(nil)
}

// foldEmail is the form in which users' addresses are kept.
func foldEmail(email string) string { return strings.ToLower(strings.TrimSpace(email)) }
