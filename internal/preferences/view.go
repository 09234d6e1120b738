package preferences

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/preferences/internal/preferencesdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Item is one thing that the person has a say in.
type Item struct {
	Purpose, Channel, Name, LegalBasis string
	Description                        *string
	// Wording are the words beside the box, which become part of the proof.
	Wording string
	State   string
	Since   *time.Time
	// Active: whether the address is used so today.
	Active bool
}

func (i Item) key() string { return i.Purpose + ":" + i.Channel }

// View is what the holder of a link sees.
type View struct {
	Institution, Language, Address, Kind string
	ExpiresAt                            time.Time
	Items                                []Item
	// Shown is the SHA-256 of all that was to be read.
	Shown string
}

// gone is the answer to every link that is of no use, whatever the reason.
func gone() error { return fault.New(fault.Missing, "preference-link-unknown") }

// channelsOf a kind of contact point.
func channelsOf(kind string) []string {
	switch kind {
	case contacts.Email:
		return []string{consents.Email}
	case contacts.Phone:
		return []string{consents.SMS, consents.Phone}
	}
	return nil
}

// opened is a link with all that it leads to.
type opened struct {
	link        preferencesdb.PreferenceLink
	contact     uuid.UUID
	point       preferencesdb.PointOfLinkRow
	institution preferencesdb.TenantFactsRow
	language    string
}

// Show tells the holder of a link what their address is used for.
func (s *Service) Show(ctx context.Context, secret string) (View, error) {
	return s.through(ctx, secret, func(ctx context.Context, tx pgx.Tx, o opened) (View, error) { return s.view(ctx, tx, o) })
}

// through runs f in the name of the holder of a link.
func (s *Service) through(ctx context.Context, secret string, f func(ctx context.Context, tx pgx.Tx, o opened) (View, error)) (View, error) {
	row, err := s.q.ResolvePreferenceLink(ctx, s.db.Unscoped(), hashOf(secret))
	if pg.IsNoRows(err) {
		return View{}, gone()
	}
	if err != nil {
		return View{}, err
	}
	ctx = web.WithActor(ctx, web.Actor{Kind: web.PreferenceLink, ID: row.LinkID.String(), Tenant: row.TenantID, Test: row.Mode == "test",
		// Their own is theirs to see, whoever else may not.
		Sight: pg.Everything(),
	})
	return pg.InTxValue(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) (View, error) {
		o, err := s.open(ctx, tx, row.TenantID, row.LinkID)
		if err != nil {
			return View{}, err
		}
		return f(ctx, tx, o)
	})
}

func (s *Service) open(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (opened, error) {
	link, err := s.q.GetPreferenceLink(ctx, tx, tenant, id)
	if pg.IsNoRows(err) || (err == nil && !link.ExpiresAt.After(s.clock.Now())) {
		return opened{}, gone()
	}
	if err != nil {
		return opened{}, err
	}
	o := opened{link: link, language: spoken(link.Language, web.Language(ctx))}
	person, err := s.contacts.SurvivorTx(ctx, tx, link.ContactID)
	if err != nil {
		return opened{}, err
	}
	o.contact = person.ID
	o.point, err = s.q.PointOfLink(ctx, tx, preferencesdb.PointOfLinkParams{TenantID: tenant, ContactID: person.ID, Kind: link.Kind, PointValue: link.PointValue})
	if pg.IsNoRows(err) {
		return opened{}, gone() // the address is no longer this person's
	}
	if err != nil {
		return opened{}, err
	}
	o.institution, err = s.q.TenantFacts(ctx, tx, tenant)
	return o, err
}

// spoken is the language of a link among those we speak, else of the browser.
func spoken(wanted *string, fallback string) string {
	if wanted != nil {
		if base, _, _ := strings.Cut(*wanted, "-"); base == "fr" || base == "en" {
			return base
		}
	}
	return fallback
}

func (s *Service) view(ctx context.Context, tx pgx.Tx, o opened) (View, error) {
	v := View{
		Institution: o.institution.Name, Language: o.language, Address: masked(o.point.Kind, o.point.Normalized), Kind: o.point.Kind, ExpiresAt: o.link.ExpiresAt,
		Items: []Item{},
	}
	purposes, err := s.q.PurposesToChoose(ctx, tx, o.link.TenantID)
	if err != nil {
		return View{}, err
	}
	states, err := s.statesTx(ctx, tx, o)
	if err != nil {
		return View{}, err
	}
	digest := sha256.New()
	for _, p := range purposes {
		for _, channel := range channelsOf(o.point.Kind) {
			i := Item{
				Purpose: p.Code, Channel: channel, Name: p.Name, LegalBasis: p.LegalBasis, Description: p.Description, State: consents.Unknown,
				Wording: textsFor(o.language).wording(channel, o.institution.Name, p.Name),
			}
			if state, ok := states[i.key()]; ok {
				i.State, i.Since = state.State, &state.Since
			}
			i.Active = i.State == consents.Given || (i.LegalBasis != "consent" && i.State != consents.Withdrawn && i.State != consents.Refused)
			v.Items = append(v.Items, i)
			digest.Write([]byte(i.key() + "\x00" + i.Wording + "\x00"))
		}
	}
	v.Shown = hex.EncodeToString(digest.Sum(nil))
	return v, nil
}

// statesTx are what counts for the address by purpose and channel: what was
// said about it, else about the whole channel.
func (s *Service) statesTx(ctx context.Context, tx pgx.Tx, o opened) (map[string]consents.State, error) {
	all, err := s.consents.StatesTx(ctx, tx, o.contact)
	if err != nil {
		return nil, err
	}
	out := map[string]consents.State{}
	for _, state := range all {
		if state.Controller != "" || state.State == consents.Unknown {
			continue
		}
		key := state.Purpose + ":" + state.Channel
		own := state.Point != nil && *state.Point == o.point.ID
		if _, known := out[key]; own || (state.Point == nil && state.Address == nil && !known) {
			out[key] = state
		}
	}
	return out, nil
}

// masked shows enough of an address to be recognised by who has it.
func masked(kind, value string) string {
	if kind == contacts.Phone {
		return "…" + value[max(len(value)-2, 0):]
	}
	local, domain, _ := strings.Cut(value, "@")
	first, _ := utf8.DecodeRuneInString(local)
	return string(first) + "…@" + domain
}
