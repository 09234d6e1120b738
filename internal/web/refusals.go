package web

import (
	"context"
	"net/http"
	"net/netip"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Refusal is a request that was not answered because of who asked, as far as
// that is known.
type Refusal struct {
	// Tenant is zero where the attempt names no institution.
	Tenant uuid.UUID
	Kind   ActorKind // empty: nobody said to be anybody
	ID     string
	// Proven: the principal was who it said to be; otherwise somebody said so.
	Proven    bool
	Operation string
	Status    int
	Code      string
	// Rule is what stood against it: a scope, a verb, a purpose, a quota, or what
	// was wrong with the credential.
	Rule    string
	Subject *uuid.UUID // the record that the address names
	Address netip.Addr
	Request string
}

// Refusals keeps what was refused. When Refused returns, the refusal is kept
// even if the process is killed the next moment.
type Refusals interface {
	Refused(ctx context.Context, r Refusal)
}

type attemptKey struct{}

// attempt is what is known of whoever did not prove to be who they say.
type attempt struct {
	actor Actor
	rule  string
}

// NoteAttempt tells for whom somebody tried to pass and what was wrong, for the
// log of refusals and never for the answer. Whoever knows credentials calls it
// where it refuses one.
func NoteAttempt(ctx context.Context, claimed Actor, rule string) {
	if a, _ := ctx.Value(attemptKey{}).(*attempt); a != nil {
		a.actor, a.rule = claimed, rule
	}
}

// noteRefusals keeps what an operation refuses. A 404 is one where the record is
// there and not for them to see, which whoever keeps the log finds out later:
// the answer must take as long for a record that is not there.
func (ch Chain) noteRefusals(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if ch.Refusals == nil {
			return next
		}
		return func(c echo.Context) error {
			a := &attempt{}
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), attemptKey{}, a)))
			err := next(c)
			status, f := c.Response().Status, (*fault.Error)(nil)
			if err != nil {
				if f = Fault(err); f == nil {
					return err
				}
				status = Status(f)
			}
			r := Refusal{Operation: op.ID, Status: status, Address: RemoteAddr(c), Request: RequestID(c.Request().Context()), Subject: subjectOf(c)}
			if actor, none := ActorFrom(c.Request().Context()); none == nil {
				r.Kind, r.ID, r.Tenant, r.Proven = actor.Kind, actor.ID, actor.Tenant, true
			} else {
				r.Kind, r.ID, r.Tenant, r.Rule = a.actor.Kind, a.actor.ID, a.actor.Tenant, a.rule
			}
			switch status {
			case http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests:
			case http.StatusNotFound:
				if !r.Proven || r.Subject == nil {
					return err
				}
			default:
				return err
			}
			// Endpoints of a protocol of their own answer in its words.
			r.Code = map[int]string{401: "unauthenticated", 403: "forbidden", 404: "not-found", 429: "too-many-attempts"}[status]
			if f != nil {
				r.Code = f.Code
				if f.Code == signInRefused {
					return err // the event tells it, with the account
				}
				if r.Rule == "" {
					r.Rule = ruleOf(f)
				}
			}
			ch.Refusals.Refused(c.Request().Context(), r)
			return err
		}
	}
}

// signInRefused is the answer to a failed sign-in, which has an event of its own.
const signInRefused = "sign-in-refused"

func ruleOf(f *fault.Error) string {
	for _, name := range []string{"scope", "verb", "purpose", "class", "header", "policy"} {
		if rule, ok := f.Params[name].(string); ok {
			return ClipBytes(rule, 120)
		}
	}
	return ""
}

// subjectOf is the record that an address names: a contact where it names one,
// else what it names last.
func subjectOf(c echo.Context) *uuid.UUID {
	var out *uuid.UUID
	for i, name := range c.ParamNames() {
		id, err := uuid.Parse(c.ParamValues()[i])
		if err != nil {
			continue
		}
		if out = &id; name == "contact_id" {
			break
		}
	}
	return out
}
