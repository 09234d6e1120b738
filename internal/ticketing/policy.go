package ticketing

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// When an account of a source may change a field of the contact it belongs to.
const (
	never   = "never"
	ifEmpty = "if_empty"
	ifNewer = "if_newer"
	always  = "always"
)

// applyPolicies lets the accounts of the unit change what the institution lets
// them change. Only an account speaks for a person: an order may have been
// placed by anybody who had the address, and changes nobody.
func (u *unit) applyPolicies(ctx context.Context) error {
	for _, e := range sortedEntities(u.customers) {
		if e.now.ContactID == nil || e.now.Deleted || e.now.Profile == nil {
			continue
		}
		if e.before != nil && sameRow(e.before.Profile, e.now.Profile) && sameID(e.before.ContactID, e.now.ContactID) {
			continue
		}
		if err := u.applyAccount(ctx, *e.now.ContactID, readPerson(e.now.Profile), u.recordOf[e.now.ID]); err != nil {
			return err
		}
	}
	return nil
}

func (u *unit) applyAccount(ctx context.Context, id uuid.UUID, p *person, r *Record) error {
	c, err := u.s.contacts.SurvivorTx(ctx, u.tx, id)
	if f, ok := fault.As(pg.Translate(err)); ok && f.Kind == fault.Missing {
		return nil
	}
	if err != nil {
		return err
	}
	if c.Kind != contacts.Person || c.ArchivedAt != nil {
		return nil
	}
	patch, changed := contacts.Patch{Source: u.sourceName()}, false
	text := func(field string, said, held *string, into *nullable.Nullable[string]) error {
		if or(said, "") == "" || held != nil && *held == *said {
			return nil
		}
		may, err := u.mayChange(ctx, c.ID, field, held == nil, r)
		if may {
			*into, changed = nullable.NewNullableWithValue(*said), true
		}
		return err
	}
	// Half a name is not filled in beside a half of somebody else's.
	name := nameOf(p)
	if p.GivenName != nil || p.FamilyName != nil {
		held := contacts.NameOf(c)
		if u.policy("given_name") != ifEmpty || u.policy("family_name") != ifEmpty || contacts.NamesCompatible(held, name) {
			if err := text("given_name", p.GivenName, c.GivenName, &patch.GivenName); err != nil {
				return err
			}
			if err := text("family_name", p.FamilyName, c.FamilyName, &patch.FamilyName); err != nil {
				return err
			}
		}
	}
	if err := text("locale", p.Locale, c.Locale, &patch.Locale); err != nil {
		return err
	}
	if born, err := time.Parse(time.DateOnly, or(p.Birthdate, "")); err == nil && (c.Birthdate == nil || !c.Birthdate.Equal(born)) {
		may, err := u.mayChange(ctx, c.ID, "birthdate", c.Birthdate == nil, r)
		if err != nil {
			return err
		}
		if may {
			patch.Birthdate, changed = nullable.NewNullableWithValue(born), true
		}
	}
	if changed {
		if _, _, err := u.s.contacts.UpdateTx(ctx, u.tx, c.ID, patch, nil); err != nil {
			if _, refused := fault.As(err); !refused {
				return err // what the register does not take stays with the account
			}
		}
	}
	return u.addAddress(ctx, c.ID, p)
}

// addAddress adds the postal address of an account to those of its contact, so that
// a sale at the counter, where a name and an address are given, finds whoever
// bought as a guest before. A child is not reached.
func (u *unit) addAddress(ctx context.Context, id uuid.UUID, p *person) error {
	a := p.Address
	if born, ok := u.born(p); a == nil || a.City == nil || ok && u.child(born) {
		return nil
	}
	_, err := u.s.contacts.EnsureAddressTx(ctx, u.tx, id, contacts.NewAddress{Street: a.Street, Postcode: a.PostalCode, City: a.City, Country: or(a.Country, ""), Source: u.sourceName()})
	if _, refused := fault.As(err); refused {
		return nil // an address that cannot be one stays with the account
	}
	return err
}

func (u *unit) policy(field string) string {
	if p, ok := u.settings.policies[field]; ok {
		return p
	}
	return ifEmpty
}

// mayChange decides by the policy of the field. Where a source that is believed
// more has said something, one that is believed less stays silent.
func (u *unit) mayChange(ctx context.Context, contact uuid.UUID, field string, empty bool, r *Record) (bool, error) {
	policy := u.policy(field)
	if policy == never || empty || policy == ifEmpty {
		return empty && policy != never, nil
	}
	last, err := u.s.q.FindLastChange(ctx, u.tx, u.source.TenantID, contact, "/"+field)
	if pg.IsNoRows(err) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if last.Source != u.sourceName() && last.Precedence >= 0 && last.Precedence < u.source.Precedence {
		return false, nil
	}
	if policy == always {
		return true, nil
	}
	return r.ContentModifiedAt != nil && r.ContentModifiedAt.After(last.OccurredAt), nil
}
