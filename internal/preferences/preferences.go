package preferences

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/preferences/internal/preferencesdb"
)

const (
	linkSize = 24 // bytes: 192 bits
	day      = 24 * time.Hour
	// sentLife is how long a link is good for that a person asked for.
	sentLife = 2 * day
	// defaultLife is how long one is in a message of the institution.
	defaultLife = 90 * day
	path        = "/v1/public/preferences"
)

// Config is what the operator decides.
type Config struct {
	// Secret is 32 bytes, the same in every process.
	Secret []byte
	// PublicURL is the address that links begin with.
	PublicURL string
}

// Needs are the parts of the program that preferences work with.
type Needs struct {
	Contacts *contacts.Service
	Consents *consents.Service
	Mail     *mail.Service
	Log      *slog.Logger
}

// Service makes links and does what their holders choose.
type Service struct {
	db       *pg.DB
	q        *preferencesdb.Queries
	clock    clock.Clock
	log      *slog.Logger
	contacts *contacts.Service
	consents *consents.Service
	mail     *mail.Service
	config   Config
	swept    time.Time
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock, needs Needs, config Config) *Service {
	return &Service{
		db: db, q: preferencesdb.New(), clock: c, log: needs.Log, contacts: needs.Contacts, consents: needs.Consents, mail: needs.Mail, config: config,
	}
}

// newSecret makes the secret of a link and what is stored of it.
func newSecret() (secret string, hash []byte) {
	raw := make([]byte, linkSize)
	_, _ = rand.Read(raw) // never fails since Go 1.24: it ends the program instead
	secret = base64.RawURLEncoding.EncodeToString(raw)
	return secret, hashOf(secret)
}

func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

func (s *Service) mac(parts ...string) []byte {
	m := hmac.New(sha256.New, s.config.Secret)
	m.Write([]byte("preferences\x00" + strings.Join(parts, "\x00")))
	return m.Sum(nil)
}
