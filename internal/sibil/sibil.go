package sibil

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sibil/internal/sibildb"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Needs is what the domain is given when the program is wired.
type Needs struct {
	DB         *pg.DB
	Clock      clock.Clock
	Log        *slog.Logger
	Operations *operations.Service
	Client     *egress.Client
	// Passwords seals the password at SIBIL.
	Passwords vault.Sealer
	// Tenants lists the institutions of the installation.
	Tenants func(ctx context.Context) ([]uuid.UUID, error)
}

// Service is the domain's rules over its tables.
type Service struct {
	Needs
	q    *sibildb.Queries
	http doer
	// pauses are how long to wait before each new try of a request.
	pauses []time.Duration
}

type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// NewService makes the service and registers its kind of operation.
func NewService(n Needs) *Service {
	s := &Service{Needs: n, q: sibildb.New(), http: n.Client.HTTP(), pauses: []time.Duration{500 * time.Millisecond, 2 * time.Second, 10 * time.Second, 30 * time.Second}}
	n.Operations.Register(operationKind, s.send)
	return s
}

// SealedPasswords describes where passwords are sealed.
func SealedPasswords() vault.Column {
	return vault.Column{Table: "sibil_settings", Column: "password", Key: "tenant_id", KeyType: "uuid"}
}

// declarant is the actor, whom the whole return may be told: figures go over all
// sources, so a credential that is bound to one is told none.
func declarant(ctx context.Context) (web.Actor, error) {
	actor, err := web.ActorFrom(ctx)
	if err == nil && actor.Source != "" {
		err = fault.New(fault.Forbidden, "sibil-beyond-source")
	}
	return actor, err
}
