package signin

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
	"github.com/parvis-crm/parvis/internal/web"
)

// What a front end is told of a sign-in that came to nothing.
const (
	denied      = "access_denied"
	refusedWord = "sign_in_refused"
	tooWeak     = "sign_in_too_weak"
	userUnknown = "user_unknown"
	unreachable = "provider_unavailable"
)

// refusal says why an answer is not good: in one word to the front end, in full
// to the log and to tests.
type refusal struct{ word, why string }

func (r refusal) Error() string { return "signin: " + r.word + ": " + r.why }

func refuse(why string, args ...any) error { return refusal{refusedWord, fmt.Sprintf(why, args...)} }

// Answer is what a provider sends back by the browser.
type Answer struct{ State, Code, Issuer, Error string }

// proof is what an answer has proved.
type proof struct {
	subject  string
	claims   map[string]any
	issuedAt time.Time
	acr      string
	amr      []string
	idToken  string
	// until is when the provider wants the session to end, zero if it does not say.
	until time.Time
}

// unknown is the one answer to a state or a code that is of no use.
func unknown() error { return fault.New(fault.Unauthenticated, "sign-in-unknown") }

// Finish judges the answer of an OpenID provider and tells where the browser
// goes on to. A state is good for one answer, whatever comes of it.
func (s *Service) Finish(ctx context.Context, in Answer) (string, error) {
	return s.finish(ctx, in.State, func(ctx context.Context, row signindb.SignIn) (federation.Provider, proof, time.Time, error) {
		p, c, err := s.standing(ctx, row.TenantID, row.ProviderID)
		if err != nil {
			return p, proof{}, time.Time{}, refusal{refusedWord, "nobody signs in with the provider any more"}
		}
		until := s.clock.Now().Add(time.Duration(c.SessionSeconds) * time.Second)
		if in.Error != "" {
			return p, proof{}, until, refusal{denied, fmt.Sprintf("the provider says %.60q", in.Error)}
		}
		found, err := s.prove(ctx, p, c, row, in)
		return p, found, until, err
	})
}

type judge func(ctx context.Context, row signindb.SignIn) (federation.Provider, proof, time.Time, error)

// finish takes the answer to a sign-in, whatever the protocol.
func (s *Service) finish(ctx context.Context, state string, judge judge) (string, error) {
	row, err := s.answered(ctx, state)
	if err != nil {
		return "", err
	}
	ctx = web.WithActor(ctx, web.SystemActor(row.TenantID, "sign-in"))
	code, err := s.judged(ctx, row, judge)
	if err == nil {
		return backTo(row, "code", code), nil
	}
	said, ok := errors.AsType[refusal](err)
	if !ok {
		return "", err
	}
	s.log.InfoContext(ctx, "a sign-in came to nothing", "sign_in", row.ID, "provider", row.ProviderID, "why", said.why, "error", said.word)
	if err := s.recordFailure(ctx, row, said); err != nil {
		return "", err
	}
	return backTo(row, "error", said.word), nil
}

// answered finds the sign-in of a state and takes its one answer.
func (s *Service) answered(ctx context.Context, state string) (signindb.SignIn, error) {
	hash := hashOf(state)
	at, err := s.q.ResolveSignIn(ctx, s.db.Unscoped(), hash)
	if pg.IsNoRows(err) {
		return signindb.SignIn{}, unknown()
	}
	if err != nil {
		return signindb.SignIn{}, err
	}
	row, err := s.q.AnswerSignIn(ctx, s.db.Tenant(at.TenantID), signindb.AnswerSignInParams{
		TenantID: at.TenantID, ID: at.SignInID, StateHash: hash, AnsweredAt: s.clock.Now(),
	})
	if pg.IsNoRows(err) {
		err = unknown()
	}
	return row, err
}

// judged turns a good answer into a code for the front end.
func (s *Service) judged(ctx context.Context, row signindb.SignIn, judge judge) (string, error) {
	p, found, until, err := judge(ctx, row)
	if err != nil {
		return "", err
	}
	more := federation.Strong(p, found.acr, found.amr)
	if row.Level == strong && !more {
		return "", refusal{tooWeak, fmt.Sprintf("acr %.60q, amr %.60q", found.acr, found.amr)}
	}
	user, err := s.needs.Federation.Reconcile(ctx, p, federation.Identity{Subject: found.subject, Claims: found.claims, At: found.issuedAt})
	if errors.Is(err, federation.ErrNobody) {
		return "", refusal{userUnknown, err.Error()}
	}
	if err != nil {
		return "", err
	}
	if _, ok, err := s.needs.Access.UserActor(ctx, row.TenantID, user); err != nil {
		return "", err
	} else if !ok {
		return "", refusal{userUnknown, "the user may act no more"}
	}
	if !found.until.IsZero() && found.until.Before(until) {
		until = found.until
	}
	code := codePrefix + newSecret()
	return code, s.keepProof(ctx, row, user, methodsOf(found.amr, more), found.idToken, until, code)
}

func (s *Service) keepProof(ctx context.Context, row signindb.SignIn, user uuid.UUID, methods []string, idToken string, until time.Time, code string) error {
	return pg.InTx(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		p := signindb.ProveSignInParams{
			TenantID: row.TenantID, ID: row.ID, CodeHash: hashOf(code), CodeExpiresAt: s.clock.Now().Add(codeFor), UserID: user, Methods: methods, SessionUntil: until,
		}
		if idToken != "" {
			sealed, err := s.needs.IDTokens.Seal(ctx, tx, row.TenantID, row.ID.String(), []byte(idToken))
			if err != nil {
				return err
			}
			p.IDToken = sealed
		}
		return s.q.ProveSignIn(ctx, tx, p)
	})
}

// methodsOf are the methods of the session (RFC 8176). That there was more than
// one factor is the institution's to say, by what it expects of the provider.
func methodsOf(amr []string, more bool) []string {
	out := []string{"fed"}
	for _, m := range amr {
		if m != "mfa" && m != "" && len(m) <= 20 && len(out) < 8 && !slices.Contains(out, m) {
			out = append(out, m)
		}
	}
	if more {
		out = append(out, "mfa")
	}
	return out
}

// backTo is where the browser goes on to.
func backTo(row signindb.SignIn, name, value string) string {
	u, err := url.Parse(row.ReturnTo)
	if err != nil { // it was parsed when the institution named it
		return row.ReturnTo
	}
	query := u.Query()
	query.Set(name, value)
	if row.FrontState != nil {
		query.Set("state", *row.FrontState)
	}
	u.RawQuery = query.Encode()
	return u.String()
}

func (s *Service) recordFailure(ctx context.Context, row signindb.SignIn, r refusal) error {
	return pg.InTx(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "sign_in.failed", Subject: events.Subject{Kind: "sign_in", ID: ids.New(), Version: 1},
			Facts:   map[string]any{"user_id": nil, "method": "fed", "identity_provider_id": row.ProviderID.String(), "reason": r.word},
			Changes: []events.Change{{Pointer: "/address", After: web.VisitorOf(ctx).Address.String()}},
		})
	})
}
