package access

import (
	"context"
	"log/slog"
	"slices"
	"strings"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

type (
	// Tenant is an institution, or its sandbox.
	Tenant = accessdb.Tenant
	// Department is a service of an institution.
	Department = accessdb.Department
	// User is a person who acts for an institution.
	User = accessdb.User
	// APIKey is a program's standing credential.
	APIKey = accessdb.APIKey
	// OAuthClient is a program that asks for access tokens.
	OAuthClient = accessdb.OauthClient
)

// Config is what the domain needs to know of the installation.
type Config struct {
	// PublicURL is the address by which the outside reaches the API: issuer and
	// audience of the access tokens.
	PublicURL string
	// Catalogue maps every scope of the contract to the operations it opens.
	Catalogue map[string][]string
	// Box seals the private token signing keys.
	Box KeyBox
	// GuessSecret keys whose failed attempts are whose.
	GuessSecret []byte
	// FreeAttempts is how often an address may fail at one credential without waiting.
	FreeAttempts int
	// TokenAlgorithm of new signing keys: ES256 or RS256.
	TokenAlgorithm string
	Log            *slog.Logger
}

// KeyBox seals the installation's own secrets, each for the row it is in.
type KeyBox interface {
	Seal(ctx context.Context, row string, plain []byte) ([]byte, error)
	Open(ctx context.Context, row string, sealed []byte) ([]byte, error)
	// Present tells whether a value is under the master key of this id.
	Present(sealed []byte, current string) bool
}

// Service is the domain's rules over its tables.
type Service struct {
	db        *pg.DB
	q         *accessdb.Queries
	clock     clock.Clock
	log       *slog.Logger
	issuer    string
	catalogue map[string][]string
	known     *credentialCache
	guesses   *guesses
	keys      *keyring
	tokens    *accesstoken.Verifier
	trusted   TrustedIssuers

	succession Succession
	leaving    Leaving
}

// TrustedIssuers judges the tokens of identity providers that institutions trust.
type TrustedIssuers interface {
	// Issued reports whether a token claims to be of another issuer than the program.
	Issued(token string) bool
	// Authenticate gives the user of a token.
	Authenticate(ctx context.Context, token string) (web.Actor, error)
}

// SetTrustedIssuers makes tokens of identity providers known. It is called when
// the program is wired.
func (s *Service) SetTrustedIssuers(t TrustedIssuers) { s.trusted = t }

// NewService makes the service. It fails on a configuration with which tokens
// could not be verified.
func NewService(db *pg.DB, c clock.Clock, cfg Config) (*Service, error) {
	s := &Service{
		db: db, q: accessdb.New(), clock: c, log: cfg.Log, issuer: strings.TrimRight(cfg.PublicURL, "/"),
		catalogue: cfg.Catalogue, known: newCredentialCache(c),
	}
	s.guesses = newGuesses(db, s.q, c, cfg.GuessSecret, cfg.FreeAttempts, cfg.Log)
	s.keys = &keyring{db: db, q: s.q, clock: c, log: cfg.Log, box: cfg.Box, algorithm: orElse(cfg.TokenAlgorithm, "ES256")}
	var err error
	s.tokens, err = accesstoken.NewVerifier(s.issuer, s.issuer, c.Now)
	return s, err
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func nonNil[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}

// assign carries one member of a merge patch over: absent keeps, null clears.
func assign[T any](to **T, from nullable.Nullable[T]) {
	if !from.IsSpecified() {
		return
	}
	*to = nil
	if value, err := from.Get(); err == nil {
		*to = &value
	}
}

// replace carries over a member that cannot be null.
func replace[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func equal[T comparable](a, b *T) bool { return a == b || (a != nil && b != nil && *a == *b) }

// sorted is a copy without repetitions, so that equal sets look equal.
func sorted(in []string) []string {
	out := slices.Clone(nonNil(in))
	slices.Sort(out)
	return slices.Compact(out)
}
