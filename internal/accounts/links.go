package accounts

import (
	"context"
	"encoding/hex"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Kinds of links.
const (
	invitation = "invitation"
	reset      = "reset"
)

// perAddress is how many links an hour one address is sent on request, so that
// nobody's mailbox can be flooded from here.
const perAddress = 3

// Link is a link that was sent.
type Link = accountsdb.AccountLink

// View is what a link shows to whoever holds it.
type View struct {
	Institution, Kind, Email, Status, Language string
	ExpiresAt                                  time.Time
}

// Invite mails a user a link to set a password.
func (s *Service) Invite(ctx context.Context, user uuid.UUID) (Link, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Link{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Link, error) {
		u, err := s.q.UserToInvite(ctx, tx, actor.Tenant, user)
		switch {
		case err != nil:
			return Link{}, err
		case u.Status != "active":
			return Link{}, fault.New(fault.Conflict, "user-not-active")
		case u.Issuer != nil:
			return Link{}, fault.New(fault.Conflict, "signs-in-elsewhere")
		}
		return s.sendTx(ctx, tx, actor.Tenant, invitation, u, "")
	})
}

// sendTx makes a link and mails it. The secret is in the mail and nowhere else.
func (s *Service) sendTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, kind string, u accountsdb.UserToInviteRow, lang string) (Link, error) {
	institution, err := s.q.GetInstitution(ctx, tx, tenant)
	if err != nil {
		return Link{}, err
	}
	now, secret := s.clock.Now(), newSecret()
	link, err := s.q.InsertLink(ctx, tx, accountsdb.InsertLinkParams{
		TenantID: tenant, ID: ids.New(), UserID: u.ID, Kind: kind, LinkHash: hashOf(secret), Email: u.Email, CreatedAt: now, ExpiresAt: now.Add(linkLife),
	})
	if err != nil {
		return Link{}, err
	}
	if u.Locale != "" {
		lang = u.Locale
	}
	address := strings.TrimRight(s.config.PublicURL, "/") + linkPath + "/" + secret
	if _, err := s.mail.SendTx(ctx, tx, linkMail(lang, kind, u.Email, institution.Name, address)); err != nil {
		return Link{}, err
	}
	return link, events.RecordTx(ctx, tx, events.Entry{
		Type: "account.invited", Subject: events.Subject{Kind: "user", ID: u.ID, Version: u.Version}, Facts: map[string]any{"kind": kind, "link_id": link.ID.String()},
	})
}

// Request notes that somebody wants a link sent to an address. Nothing here
// looks for a user: the runner does, so that the answer takes as long whether or
// not there is one.
func (s *Service) Request(ctx context.Context, institution uuid.UUID, email, lang string) (string, error) {
	row, err := s.q.ResolveInstitution(ctx, s.db.Unscoped(), institution)
	if pg.IsNoRows(err) {
		return "", fault.NotFound()
	}
	if err != nil {
		return "", err
	}
	email = foldEmail(email)
	if a, err := netmail.ParseAddress(email); err != nil || a.Address != email {
		return "", fault.New(fault.Malformed, "invalid-request").At("#/email", "format", "want", "email")
	}
	if lang = spoken(lang); lang == "" {
		lang = web.Language(ctx)
	}
	return textsFor(lang).requested, pg.InTx(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		hash, now := s.mac("request", row.TenantID.String(), email), s.clock.Now()
		if err := s.q.LockText(ctx, tx, hex.EncodeToString(hash)); err != nil {
			return err
		}
		n, err := s.q.CountRequests(ctx, tx, row.TenantID, hash, now.Add(-time.Hour))
		if err != nil || n >= perAddress {
			return err
		}
		return s.q.InsertRequest(ctx, tx, accountsdb.InsertRequestParams{
			TenantID: row.TenantID, ID: ids.New(), Email: &email, EmailHash: hash, Language: lang, RequestedAt: now,
		})
	})
}

// gone is the one answer to every link that is of no use.
func gone() error { return fault.New(fault.Missing, "password-link-unknown") }

// open finds a link that can still be used.
func (s *Service) open(ctx context.Context, secret string) (accountsdb.GetLinkRow, error) {
	at, err := s.q.ResolveLink(ctx, s.db.Unscoped(), hashOf(secret))
	if pg.IsNoRows(err) {
		return accountsdb.GetLinkRow{}, gone()
	}
	if err != nil {
		return accountsdb.GetLinkRow{}, err
	}
	l, err := s.q.GetLink(ctx, s.db.Tenant(at.TenantID), at.TenantID, at.LinkID)
	if err != nil {
		return l, err
	}
	if l.UsedAt != nil || !s.clock.Now().Before(l.ExpiresAt) || l.UserStatus != "active" || l.UserIssuer != nil || l.UserEmail != l.Email {
		return l, gone()
	}
	return l, nil
}

func viewOf(l accountsdb.GetLinkRow, status string) View {
	return View{Institution: l.Institution, Kind: l.Kind, Email: masked(l.Email), Status: status, Language: l.UserLocale, ExpiresAt: l.ExpiresAt}
}

// masked leaves the first letter of an address and its domain.
func masked(email string) string {
	local, domain, _ := strings.Cut(email, "@")
	for _, first := range local {
		return string(first) + "…@" + domain
	}
	return "…@" + domain
}

// Show tells what a link is for and changes nothing.
func (s *Service) Show(ctx context.Context, secret string) (View, error) {
	l, err := s.open(ctx, secret)
	return viewOf(l, "open"), err
}

// SetPassword sets the password of the user that a link was sent to. It ends
// all sessions and lifts a lock: whoever has the mailbox is the person.
func (s *Service) SetPassword(ctx context.Context, secret, password string) (View, error) {
	l, err := s.open(ctx, secret)
	if err != nil {
		return View{}, err
	}
	if err := s.checkPassword(password, "#/password", l.Institution, l.UserName, l.Email); err != nil {
		return viewOf(l, "open"), err
	}
	hash, err := s.hasher.hash(ctx, password)
	if err != nil {
		return View{}, err
	}
	ctx = web.WithActor(ctx, personActor(l.TenantID, l.UserID))
	a := s.attemptBy(ctx, l.TenantID, l.Email)
	err = pg.InTx(ctx, s.db, l.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		now := s.clock.Now()
		if n, err := s.q.UseLink(ctx, tx, now, l.TenantID, l.ID); err != nil || n == 0 {
			return orGone(err)
		}
		if err := s.q.UseOtherLinks(ctx, tx, &now, l.TenantID, l.UserID); err != nil {
			return err
		}
		if err := s.q.ForgiveAccount(ctx, tx, l.TenantID, a.account); err != nil {
			return err
		}
		return s.setTx(ctx, tx, change{tenant: l.TenantID, user: l.UserID, hash: hash, by: l.Kind, email: l.Email, lang: l.UserLocale, institution: l.Institution})
	})
	s.access.Forget(l.TenantID)
	return viewOf(l, "used"), err
}

func orGone(err error) error {
	if err != nil {
		return err
	}
	return gone()
}

// change is a password about to be set.
type change struct {
	tenant, user                       uuid.UUID
	hash, by, email, lang, institution string
	keep                               *uuid.UUID // the session that goes on
}

// setTx sets a password, ends the sessions and tells the person.
func (s *Service) setTx(ctx context.Context, tx pgx.Tx, c change) error {
	version, err := s.q.SetPassword(ctx, tx, accountsdb.SetPasswordParams{TenantID: c.tenant, UserID: c.user, PasswordHash: c.hash, SetAt: s.clock.Now()})
	if err != nil {
		return err
	}
	if _, err := s.endAllTx(ctx, tx, c.tenant, c.user, c.keep, passwordSet); err != nil {
		return err
	}
	if _, err := s.mail.SendTx(ctx, tx, noticeMail(c.lang, c.email, c.institution)); err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: "password.set", Subject: events.Subject{Kind: "password", ID: c.user, Version: version}, Facts: map[string]any{"user_id": c.user.String(), "by": c.by},
	})
}

// ChangePassword replaces the password of the user who asks, who knows the
// present one. Guessing here counts as guessing at the door.
func (s *Service) ChangePassword(ctx context.Context, present, next string) error {
	actor, user, err := person(ctx)
	if err != nil {
		return err
	}
	account, err := s.q.AccountByID(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, user)
	if err != nil {
		return err
	}
	a := s.attemptBy(ctx, actor.Tenant, account.Email)
	if err := s.charge(ctx, a); err != nil {
		return err
	}
	proved, _, err := s.hasher.verify(ctx, present, account.PasswordHash)
	if err != nil {
		return err
	}
	if !proved {
		if err := s.failed(ctx, a, &user, account.Email, "pwd"); err != nil {
			return err
		}
		return fault.Invalid().At("#/current_password", "password-wrong")
	}
	institution, err := s.q.GetInstitution(ctx, s.db.Tenant(actor.Tenant), actor.Tenant)
	if err != nil {
		return err
	}
	if err := s.checkPassword(next, "#/new_password", institution.Name, account.Name, account.Email); err != nil {
		return err
	}
	hash, err := s.hasher.hash(ctx, next)
	if err != nil {
		return err
	}
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.forgive(ctx, tx, a); err != nil {
			return err
		}
		now := s.clock.Now()
		if err := s.q.UseOtherLinks(ctx, tx, &now, actor.Tenant, user); err != nil {
			return err
		}
		return s.setTx(ctx, tx, change{
			tenant: actor.Tenant, user: user, hash: hash, by: "password", email: account.Email, lang: account.Locale, institution: institution.Name, keep: &actor.Session,
		})
	})
	s.access.Forget(actor.Tenant)
	return err
}
