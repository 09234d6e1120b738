package ticketing

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// Meanings are what the codes of a source mean at the institution, and when its
// accounts may change a contact. Nothing of it is guessed.
type Meanings struct{ Purposes, Classes, Campaigns, Policies map[string]string }

// MeaningsPatch changes some of them; nil takes a code out (RFC 7396).
type MeaningsPatch struct{ Purposes, Classes, Campaigns, Policies Change }

// Change is a change of codes.
type Change map[string]*string

func (c Change) over(held json.RawMessage) json.RawMessage {
	if c == nil {
		return held
	}
	out := maps.Clone(mapping(held))
	if out == nil {
		out = map[string]string{}
	}
	for name, v := range c {
		if v == nil {
			delete(out, name)
		} else {
			out[name] = *v
		}
	}
	return encode(out)
}

const mostCodes, mostQuestions = 2000, 100

// tooMany refuses what patches have made larger than a source may be.
func tooMany(a ticketingdb.UpdateSourceParams) error {
	f := fault.Invalid()
	for _, c := range []struct {
		name  string
		codes json.RawMessage
		most  int
	}{{"purpose_codes", a.PurposeCodes, mostQuestions}, {"price_classes", a.PriceClasses, mostCodes}, {"campaign_codes", a.CampaignCodes, mostCodes}} {
		if len(mapping(c.codes)) > c.most {
			f.At("#/"+c.name, "too-many", "limit", c.most)
		}
	}
	return f.OrNil()
}

// meanOtherwise brings what is held in line with other meanings of its codes.
// It waits for whoever is writing of the source, and those after read anew.
func (s *Service) meanOtherwise(ctx context.Context, tx pgx.Tx, before, after Source) error {
	if before.GraceDays != after.GraceDays || !slices.Equal(before.ReminderDays, after.ReminderDays) {
		if err := s.q.WakeMemberships(ctx, tx, s.clock.Now(), after.TenantID, after.ID); err != nil {
			return err
		}
	}
	if sameRow(before.PriceClasses, after.PriceClasses) {
		return nil
	}
	if err := s.q.LockNames(ctx, tx, []int64{number(after.TenantID.String(), "source", after.ID.String())}); err != nil {
		return err
	}
	rows, err := s.q.ReclassPriceTypes(ctx, tx, ticketingdb.ReclassPriceTypesParams{SettledAt: s.clock.Now(), Classes: after.PriceClasses, TenantID: after.TenantID, SourceID: after.ID})
	if err != nil {
		return err
	}
	var out []events.Entry
	for _, r := range rows {
		if !r.Stub {
			out = append(out, events.Entry{Type: "ticketing.price_type.updated", Subject: events.Subject{Kind: kindPriceType, ID: r.ID, Version: r.Version},
				Changes: []events.Change{{Pointer: "/class", Before: r.ClassBefore, After: r.Class}}})
		}
	}
	if len(out) == 0 {
		return nil
	}
	return events.RecordTx(ctx, tx, out...)
}

// settings are what the codes of a source mean at the institution.
type settings struct {
	purposes, classes, campaigns, policies map[string]string
}

func settingsOf(source Source) settings {
	return settings{purposes: mapping(source.PurposeCodes), classes: mapping(source.PriceClasses), campaigns: mapping(source.CampaignCodes), policies: mapping(source.FieldPolicies)}
}

func mapping(raw json.RawMessage) map[string]string {
	var out map[string]string
	if json.Unmarshal(raw, &out) != nil {
		return nil
	}
	return out
}

// class is what a price type counts as, and who said so. Where neither the
// institution nor the source did, it is of no class and says so.
func (s settings) class(name string, stated *string) (class, origin string) {
	if mapped, ok := s.classes[name]; ok {
		return mapped, "mapped"
	}
	if stated != nil {
		return *stated, "stated"
	}
	return "other", "unmapped"
}

// purpose is the registered purpose that a source's own name for a question
// stands for.
func (s settings) purpose(name string) string {
	if mapped, ok := s.purposes[name]; ok {
		return mapped
	}
	return name
}

// campaign is the one that gave an offer out: as the source says, or else as the
// institution does now.
func (s settings) campaign(stated, code *string) *string {
	if stated != nil || code == nil {
		return stated
	}
	if mapped, ok := s.campaigns[*code]; ok {
		return &mapped
	}
	return nil
}

// record is the name of the offer at its source, where that is given.
func (v *voucherDoc) record() *string {
	if v == nil {
		return nil
	}
	return v.Record
}

// offer is what a source says of the offer that a line was bought with.
func (v *voucherDoc) offer() (code, campaign *string) {
	if v == nil {
		return nil, nil
	}
	return v.Code, v.Campaign
}
