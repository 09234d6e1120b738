package federation

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation/internal/federationdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/rights"
	"github.com/parvis-crm/parvis/internal/web"
)

// Authenticate turns the token of a trusted issuer into the user it is about.
// Every refusal is the same, whatever its reason.
func (s *Service) Authenticate(ctx context.Context, token string) (web.Actor, error) {
	actor, err := s.authenticate(ctx, token)
	if f, isFault := fault.As(err); errors.Is(err, errInvalid) || (isFault && f.Kind != fault.Unavailable) {
		s.log.DebugContext(ctx, "a provider's token was refused", "why", err)
		return web.Actor{}, fault.New(fault.Unauthenticated, "unauthenticated").Because(err)
	}
	return actor, err
}

// Issued reports whether a token claims another issuer than the program itself.
func (s *Service) Issued(token string) bool {
	c, err := peek(token)
	return err == nil && c.Issuer != "" && c.Issuer != s.issuer
}

func (s *Service) authenticate(ctx context.Context, token string) (web.Actor, error) {
	said, err := peek(token)
	if err != nil {
		return web.Actor{}, err
	}
	p, err := s.judge(ctx, said)
	if err != nil {
		return web.Actor{}, err
	}
	// Whom the provider's token is about counts once it is verified.
	web.NoteAttempt(ctx, web.Actor{Kind: web.User, Tenant: p.TenantID}, "token")
	c, err := s.verify(ctx, p, token)
	if err != nil {
		return web.Actor{}, err
	}
	user, err := s.Reconcile(ctx, p, Identity{Subject: c.Subject, Claims: c.all, At: c.IssuedAt.Time})
	if err != nil {
		return web.Actor{}, err
	}
	acr, _ := c.all["acr"].(string)
	actor, ok, err := s.access.FederatedActor(ctx, p.TenantID, user, Strong(p, acr, values(c.all["amr"])))
	if err == nil && !ok {
		err = invalid("the user may act no more")
	}
	return actor, err
}

// Identity is somebody for whom a provider vouches.
type Identity struct {
	Subject string
	// Claims that the provider's settings name: address, name, roles.
	Claims map[string]any
	// At is when the provider said so.
	At time.Time
}

// ErrNobody says that nobody here has an identity, and nobody is made for it.
var ErrNobody = errors.New("federation: nobody has this identity")

// Reconcile finds whom an identity is about, by issuer and subject and nothing
// else, makes the user where that was said, and gives and takes mapped roles.
func (s *Service) Reconcile(ctx context.Context, p Provider, id Identity) (uuid.UUID, error) {
	ctx = web.WithActor(ctx, web.SystemActor(p.TenantID, "identity-provider:"+p.ID.String()))
	user, err := s.user(ctx, p, id)
	if err != nil {
		return uuid.Nil, err
	}
	return user.ID, s.mapRoles(ctx, p, id, user)
}

// Strong tells whether a provider says that it has checked more than one factor
// (RFC 8176), in the words that the institution expects of it.
func Strong(p Provider, acr string, amr []string) bool {
	return slices.Contains(p.StrongAcr, acr) || slices.ContainsFunc(amr, func(method string) bool { return slices.Contains(p.StrongAmr, method) })
}

func (s *Service) user(ctx context.Context, p Provider, id Identity) (federationdb.UserOfIdentityRow, error) {
	find := func() (federationdb.UserOfIdentityRow, error) {
		return s.q.UserOfIdentity(ctx, s.db.Tenant(p.TenantID), federationdb.UserOfIdentityParams{TenantID: p.TenantID, ProviderID: p.ID, Issuer: p.Issuer, Subject: id.Subject})
	}
	row, err := find()
	if !pg.IsNoRows(err) {
		return row, err
	}
	email := first(at(id.Claims, p.EmailClaim))
	if p.Provision != "on_first_use" || !strings.Contains(email, "@") || len(email) > 254 || at(id.Claims, "email_verified") == any(false) {
		return row, fmt.Errorf("%w: %w", errInvalid, ErrNobody)
	}
	var parts []string
	for claim := range strings.FieldsSeq(p.NameClaim) {
		if part := strings.TrimSpace(first(at(id.Claims, claim))); part != "" {
			parts = append(parts, part)
		}
	}
	name := strings.TrimSpace(web.ClipBytes(strings.Join(parts, " "), 200))
	if name == "" {
		name = email
	}
	_, err = s.access.CreateUser(ctx, access.NewUser{Email: email, Name: name, Issuer: &p.Issuer, Subject: &id.Subject})
	// Another request may have been first; a colleague's address is nobody else's.
	if err != nil && !fault.Is(err, "already-exists") {
		return row, err
	}
	if row, err = find(); pg.IsNoRows(err) {
		return row, fmt.Errorf("%w: %w: the address is another user's", errInvalid, ErrNobody)
	}
	return row, err
}

// first is the one text of a claim, or the first of several.
func first(v any) string {
	if all := values(v); len(all) > 0 {
		return all[0]
	}
	return ""
}

// mapRoles gives and takes the roles that the token's claim stands for, if the
// token is younger than what was seen of the user.
func (s *Service) mapRoles(ctx context.Context, p Provider, id Identity, user federationdb.UserOfIdentityRow) error {
	if p.RoleClaim == nil {
		return nil
	}
	rules, err := rulesOf(p)
	if err != nil {
		return err
	}
	held := values(at(id.Claims, *p.RoleClaim))
	rules = slices.DeleteFunc(rules, func(r RoleRule) bool { return !slices.Contains(held, r.Value) })
	digest := digestOf(rules)
	issued := id.At
	if !issued.After(user.LastIssued) || (bytes.Equal(digest, user.RolesDigest) && issued.Sub(user.LastIssued) < time.Minute) {
		return nil
	}
	return pg.InTx(ctx, s.db, p.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		n, err := s.q.SeeToken(ctx, tx, federationdb.SeeTokenParams{TenantID: p.TenantID, ProviderID: p.ID, UserID: user.ID, LastIssued: issued, RolesDigest: digest})
		if err != nil || n == 0 {
			return err
		}
		roles, err := s.roles(ctx, tx, p.TenantID, rules)
		if err != nil {
			return err
		}
		var wanted []rights.Mapped
		for _, r := range rules {
			if id, ok := roles[r.Role]; ok {
				wanted = append(wanted, rights.Mapped{RoleID: id, DepartmentID: r.DepartmentID})
			}
		}
		return s.rights.MapTx(ctx, tx, user.ID, "identity_provider:"+p.ID.String(), wanted)
	})
}

func digestOf(rules []RoleRule) []byte {
	names := make([]string, 0, len(rules))
	for _, r := range rules {
		department := uuid.Nil
		if r.DepartmentID != nil {
			department = *r.DepartmentID
		}
		names = append(names, fmt.Sprintf("%q %s", r.Role, department))
	}
	slices.Sort(names)
	sum := sha256.Sum256([]byte(strings.Join(names, "\n")))
	return sum[:]
}
