package web

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

const (
	// purposeHeader names the purpose for which a request is made, by its code in
	// the register. It narrows what the credential sees and never widens it.
	purposeHeader = "Parvis-Purpose"
	// receiptHeader names the entry in the log of reads.
	receiptHeader = "Parvis-Receipt"
)

// Purposes is what the register of processing activities says of purposes.
type Purposes interface {
	Registered(ctx context.Context, tenant uuid.UUID, codes []string) (Registered, error)
}

// Registered is what the register says of some purposes.
type Registered struct {
	// Classes are the classes of fields that the activities in force list for them.
	Classes []string
	// Known are those of the codes that are in the register, archived ones too.
	Known    []string
	Purposes pg.Purposes
}

// boundScopes are what a credential bound to purposes may still use: to reach
// persons. How the institution is run, what it sends away and who may do what
// has no purpose of this kind, and whoever could change it would no longer be
// bound. A ticketing source writes about everybody, so what feeds it is not bound.
// What is not named here is refused.
func boundScopes() []string {
	return []string{
		"contacts:read", "contacts:write", "consents:read", "consents:write", "ticketing:read", "forms:read", "events:read",
		"events:changes", "institution:read", "departments:read", "me:read", "register:read",
	}
}

// boundNever are operations under those scopes that hand out more than the
// purpose: a link to somebody's preferences opens all of them.
func boundNever() []string { return []string{"createPreferenceLink"} }

// ForPurposes reports whether an operation is for who is bound to purposes.
func ForPurposes(operation, scope string) bool {
	return slices.Contains(boundScopes(), scope) && !slices.Contains(boundNever(), operation)
}

// bind holds a request to the purposes of its credential, or to the one that it
// names: to whom a basis stands for now, and to the classes of fields that the
// register lists.
func (ch Chain) bind(op api.OperationSpec) echo.MiddlewareFunc {
	allowed := ForPurposes(op.ID, op.Scope)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			actor, err := ActorFrom(ctx)
			if err != nil {
				return err
			}
			named := c.Request().Header.Get(purposeHeader)
			if named == "" && len(actor.Purposes) == 0 {
				return next(c)
			}
			if named != "" {
				if len(actor.Purposes) > 0 && !slices.Contains(actor.Purposes, named) {
					return fault.New(fault.Forbidden, "purpose-not-held").With("purpose", named)
				}
				actor.Purposes = []string{named}
			}
			actor, known, err := bound(ctx, ch.Purposes, actor, ch.Clock.Now)
			if err != nil {
				return err
			}
			if named != "" && !known {
				return fault.New(fault.Malformed, "invalid-request").AtHeader(purposeHeader, "unknown-purpose")
			}
			// What people were has no basis that would stand today.
			past := op.Scope == "contacts:read" && c.QueryParam("as_of") != ""
			if !allowed || past {
				return fault.New(fault.Forbidden, "outside-purpose")
			}
			c.SetRequest(c.Request().WithContext(WithActor(ctx, actor)))
			return next(c)
		}
	}
}

// Bound is an actor held to the purposes of its credential, if it has any, as a
// request of it would be.
func Bound(ctx context.Context, p Purposes, actor Actor, now func() time.Time) (Actor, error) {
	if len(actor.Purposes) == 0 {
		return actor, nil
	}
	actor, _, err := bound(ctx, p, actor, now)
	return actor, err
}

// bound also reports whether the register knows one of the purposes.
func bound(ctx context.Context, p Purposes, actor Actor, now func() time.Time) (Actor, bool, error) {
	r, err := p.Registered(ctx, actor.Tenant, actor.Purposes)
	if err != nil {
		return actor, false, err
	}
	actor.Readable, actor.Writable = narrow(actor.Readable, r.Classes), narrow(actor.Writable, r.Classes)
	actor.Sight = actor.Sight.ForPurposes(r.Purposes, slices.Contains(actor.Readable, "contact_point"), now)
	return actor, len(r.Known) > 0, nil
}

// narrow leaves of classes those that may be used: of nil, which stands for all
// but the sensitive ones, those that are listed and not sensitive.
func narrow(held, listed []string) []string {
	out := []string{}
	for _, class := range listed {
		if held == nil && class != "sensitive" || slices.Contains(held, class) {
			out = append(out, class)
		}
	}
	return out
}
