package signin

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/accounts"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
	"github.com/parvis-crm/parvis/internal/vault"
)

const (
	secretSize = 32 // bytes; 43 characters, where providers ask for 32 at least
	// startedFor is how long somebody may take at the provider.
	startedFor = 10 * time.Minute
	// codeFor is how long the browser has to bring the code to the front end.
	codeFor    = time.Minute
	codePrefix = "pvc_"
	// leeway is how much clocks may differ.
	leeway = 30 * time.Second
	// CallbackPath is where providers send browsers.
	CallbackPath = "/v1/sign-ins/callback"

	sweepEvery = 10 * time.Minute
)

// Needs are the parts of the program that signing in works with.
type Needs struct {
	Access     *access.Service
	Accounts   *accounts.Service
	Federation *federation.Service
	// Client asks providers; it is guarded, since institutions name the addresses.
	Client *egress.Client
	// Secrets, Keys and IDTokens seal what [Sealed] describes.
	Secrets, Keys, IDTokens, SAMLKeys vault.Sealer
	Log                               *slog.Logger
}

// Config is what the operator decides.
type Config struct {
	// Secret is 32 bytes, the same in every process.
	Secret []byte
	// PublicURL is the address by which browsers reach the program.
	PublicURL string
}

// Sealed describes the columns that are sealed: secrets and private keys of
// clients, ID tokens between the answer and the exchange, and private keys of
// SAML connections.
func Sealed() (secrets, keys, idTokens, samlKeys vault.Column) {
	of := func(table, column, key string, passing bool) vault.Column {
		return vault.Column{Table: table, Column: column, Key: key, KeyType: "uuid", Passing: passing}
	}
	return of("sign_in_clients", "client_secret", "provider_id", false), of("sign_in_clients", "private_key", "provider_id", false), of("sign_ins", "id_token", "id", true), of("saml_connections", "private_key", "provider_id", false)
}

// Service signs people in.
type Service struct {
	db     *pg.DB
	q      *signindb.Queries
	clock  clock.Clock
	needs  Needs
	log    *slog.Logger
	config Config
	mu     sync.Mutex
	found  map[string]discovered // by issuer
}

// NewService makes the service.
func NewService(db *pg.DB, c clock.Clock, n Needs, config Config) *Service {
	config.PublicURL = strings.TrimRight(config.PublicURL, "/")
	return &Service{db: db, q: signindb.New(), clock: c, needs: n, log: n.Log, config: config, found: map[string]discovered{}}
}

func (s *Service) redirectURI() string { return s.config.PublicURL + CallbackPath }

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

// verifier is the secret of PKCE (RFC 7636 §4.1): it is computed from the state,
// so that nothing of it has to be kept.
func (s *Service) verifier(state string) string {
	m := hmac.New(sha256.New, s.config.Secret)
	m.Write([]byte("sign-in verifier\x00" + state))
	return base64.RawURLEncoding.EncodeToString(m.Sum(nil))
}

// Run forgets sign-ins that have ended, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	for {
		if err := s.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.WarnContext(ctx, "sign-ins that have ended will be forgotten later", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(sweepEvery):
		}
	}
}

// Sweep forgets sign-ins that have ended.
func (s *Service) Sweep(ctx context.Context) error {
	tenants, err := s.needs.Access.TenantIDs(ctx)
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		// The code may have been given in the last second.
		if err := s.q.DeleteSignIns(ctx, s.db.Tenant(tenant), tenant, s.clock.Now().Add(-2*codeFor)); err != nil {
			return err
		}
		if err := s.q.DeleteAssertions(ctx, s.db.Tenant(tenant), tenant, s.clock.Now().Add(-time.Hour)); err != nil {
			return err
		}
	}
	return nil
}
