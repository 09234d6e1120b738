package web

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// ActorKind says what kind of principal acts.
type ActorKind string

// The kinds of principals.
const (
	APIKey      ActorKind = "api_key"
	OAuthClient ActorKind = "oauth_client"
	User        ActorKind = "user"
	PublicForm  ActorKind = "public_form"
	// PreferenceLink is whoever holds a link to a person's preferences.
	PreferenceLink ActorKind = "preference_link"
	System         ActorKind = "system"
)

// Actor is who or what a request acts for, inside one tenant.
type Actor struct {
	Kind   ActorKind
	ID     string // identifier of the key, client or user
	Tenant uuid.UUID
	Test   bool // the tenant is a sandbox
	// Session is that of a user who signed in, nil for all others.
	Session uuid.UUID
	Scopes  Scopes
	// Withheld are scopes that the principal has and may not use yet, for the
	// reason of which WithheldFor is the code.
	Withheld    Scopes
	WithheldFor string
	// Source is the ticketing or other source that a restricted credential is
	// bound to, empty when it is not.
	Source string
	// Sight is which contacts the principal sees and what it may do with them.
	Sight pg.Sight
	// Purposes of the register that the credential is bound to, empty when it is
	// not bound to any.
	Purposes []string
	// Networks from which the credential may be used, empty: any; EndsAt is when it
	// ends by itself. What it makes reaches no further.
	Networks []netip.Prefix
	EndsAt   *time.Time
	// Readable and Writable are the classes of fields that may be read and
	// written; nil: all but the sensitive ones.
	Readable, Writable []string
}

// sensitive is the class of fields that needs a right of its own: the class by
// name, or where classes are not limited the scope that opens it.
const (
	sensitive      = "sensitive"
	readSensitive  = "contacts.sensitive:read"
	writeSensitive = "contacts.sensitive:write"
)

// Reads reports whether fields of a class may be read.
func (a Actor) Reads(class string) bool { return a.includes(a.Readable, class, readSensitive) }

// Writes reports whether fields of a class may be written.
func (a Actor) Writes(class string) bool { return a.includes(a.Writable, class, writeSensitive) }

func (a Actor) includes(classes []string, class, scope string) bool {
	if classes == nil {
		return class != sensitive || a.Scopes.Allow(scope)
	}
	return slices.Contains(classes, class)
}

// Scopes is the set of rights of a credential, such as "contacts:read".
type Scopes []string

// Allow reports whether the set grants a scope, by name or by "*".
func (s Scopes) Allow(scope string) bool {
	for _, have := range s {
		if have == scope || have == "*" {
			return true
		}
	}
	return false
}

// Authenticator turns the text of a bearer credential into an actor. Every
// failure is the fault "unauthenticated", whatever its reason.
type Authenticator interface {
	Authenticate(ctx context.Context, bearer string, remote netip.Addr) (Actor, error)
}

type actorKey struct{}

// WithActor returns a context that carries the actor, whose statements see what
// the actor sees.
func WithActor(ctx context.Context, a Actor) context.Context {
	return pg.WithSight(context.WithValue(ctx, actorKey{}, a), a.Sight)
}

// ActorFrom returns the actor of a request. Its absence is our mistake: an
// operation that is not public never runs without one.
func ActorFrom(ctx context.Context) (Actor, error) {
	a, ok := ctx.Value(actorKey{}).(Actor)
	if !ok {
		return Actor{}, fault.New(fault.Unauthenticated, "unauthenticated")
	}
	return a, nil
}

// SystemActor acts when no request does: workers, migrations, schedules.
func SystemActor(tenant uuid.UUID, name string) Actor {
	return Actor{Kind: System, ID: name, Tenant: tenant, Scopes: Scopes{"*"}, Sight: pg.Everything()}
}

type requestIDKey struct{}

// WithRequestID returns a context that carries the id of a request.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID returns the id of the request, empty outside one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
