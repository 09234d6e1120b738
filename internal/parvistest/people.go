package parvistest

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/web"
)

// people lets a test act for a user without a login: everything after the
// question who that is, is the program's.
type people struct{ *access.Service }

const personPrefix = "test-person:"

// Authenticate implements web.Authenticator.
func (p people) Authenticate(ctx context.Context, bearer string, remote netip.Addr) (web.Actor, error) {
	name, ok := strings.CutPrefix(bearer, personPrefix)
	if !ok {
		return p.Service.Authenticate(ctx, bearer, remote)
	}
	tenant, user, _ := strings.Cut(name, ":")
	actor, known, err := p.UserActor(ctx, uuid.MustParse(tenant), uuid.MustParse(user))
	if err == nil && !known {
		err = fault.New(fault.Unauthenticated, "unauthenticated")
	}
	return actor, err
}

// Person is a user and a client that acts for them.
type Person struct {
	*Client
	ID string
}

// Person makes a user who has these scopes directly.
func (a *App) Person(scopes ...string) *Person {
	a.tb.Helper()
	if scopes == nil {
		scopes = []string{}
	}
	user := a.Post("/v1/users", map[string]any{"email": fmt.Sprintf("%s@arcades.example", ids.New()), "name": "Nora Belhadj", "scopes": scopes}).Is(201).ID()
	return &Person{a.AsUser(user), user}
}

// AsUser returns a client that acts for a user of the institution.
func (a *App) AsUser(id string) *Client {
	a.tb.Helper()
	require.NotEmpty(a.tb, id)
	return &Client{tb: a.tb, url: a.URL, Key: personPrefix + a.Tenant.String() + ":" + id, contract: a.contract}
}
