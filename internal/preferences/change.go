package preferences

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// wordingLabel is the version of the sentences that we write ourselves.
const wordingLabel = "preferences-1"

// Choice is what the person wants for one purpose and channel. Given says yes.
type Choice struct {
	Purpose, Channel string
	Given            bool
}

// Boxes are what a page without scripts sends: those it showed and those that
// were ticked, or that all is to end.
type Boxes struct {
	Offered, Ticked []string
	StopAll         bool
}

// Change is what the holder of a link asks for: choices, or the boxes of a page.
type Change struct {
	Choices []Choice
	Boxes   *Boxes
	// Shown stands for the words that were read; nothing is given without.
	Shown string
}

// Change records what the person chooses and returns what counts from now on.
// What is as they want it already leaves no trace.
func (s *Service) Change(ctx context.Context, secret string, change Change) (View, error) {
	return s.through(ctx, secret, func(ctx context.Context, tx pgx.Tx, o opened) (View, error) {
		if _, err := s.q.LockPreferenceLink(ctx, tx, o.link.TenantID, o.link.ID); err != nil {
			return View{}, err
		}
		before, err := s.view(ctx, tx, o)
		if err != nil {
			return View{}, err
		}
		if change.Boxes != nil {
			change.Choices = before.chosen(*change.Boxes)
		}
		f := fault.Invalid()
		for n, c := range change.Choices {
			at := slices.IndexFunc(before.Items, func(i Item) bool { return i.Purpose == c.Purpose && i.Channel == c.Channel })
			if at < 0 {
				f.At(fmt.Sprintf("#/choices/%d", n), "no-such-preference")
				continue
			}
			if c.Given && change.Shown != before.Shown {
				return before, fault.New(fault.Conflict, "preferences-changed").At("#/shown", "no-match")
			}
			if f.OrNil() == nil {
				if err := s.choose(ctx, tx, o, before.Items[at], c.Given); err != nil {
					return View{}, err
				}
			}
		}
		if err := f.OrNil(); err != nil {
			return View{}, err
		}
		return s.view(ctx, tx, o)
	})
}

// chosen compares the boxes of a page with what counts. An empty box that was
// empty is no answer.
func (v View) chosen(b Boxes) []Choice {
	var out []Choice
	for _, i := range v.Items {
		ticked := slices.Contains(b.Ticked, i.key())
		switch {
		case b.StopAll && i.Active, !b.StopAll && i.Active && !ticked && slices.Contains(b.Offered, i.key()):
			out = append(out, Choice{i.Purpose, i.Channel, false})
		case !b.StopAll && !i.Active && ticked:
			out = append(out, Choice{i.Purpose, i.Channel, true})
		}
	}
	return out
}

func (s *Service) choose(ctx context.Context, tx pgx.Tx, o opened, i Item, given bool) error {
	if (given && i.State == consents.Given) || (!given && said(i.State)) {
		return nil
	}
	e := s.entry(ctx, o, i.Purpose, i.Channel)
	e.Mechanism, e.Wording = "preference_page", &consents.Wording{Text: i.Wording, Language: o.language, Label: wordingLabel}
	if !given {
		e.Action = consents.Withdrawn
	}
	if _, err := s.consents.RecordTx(ctx, tx, e); err != nil {
		return err
	}
	if given && o.point.Status == "opted_out" {
		// Whoever has the address takes back that nothing at all be sent to it.
		_, err := s.contacts.MarkContactPointTx(ctx, tx, o.point.ID, "unverified", "preferences")
		return err
	}
	return nil
}

// said: the person has said no, in whatever words.
func said(state string) bool { return state == consents.Withdrawn || state == consents.Refused }

// Unsubscribe ends the mails of the link's purpose, or all where it has none,
// by the one click of a mail program (RFC 8058). It may be repeated.
func (s *Service) Unsubscribe(ctx context.Context, secret string) (View, error) {
	return s.through(ctx, secret, func(ctx context.Context, tx pgx.Tx, o opened) (View, error) {
		if _, err := s.q.LockPreferenceLink(ctx, tx, o.link.TenantID, o.link.ID); err != nil {
			return View{}, err
		}
		codes, err := s.ending(ctx, tx, o)
		if err != nil {
			return View{}, err
		}
		states, err := s.statesTx(ctx, tx, o)
		if err != nil {
			return View{}, err
		}
		for _, code := range codes {
			for _, channel := range channelsOf(o.point.Kind) {
				if said(states[code+":"+channel].State) {
					continue
				}
				e := s.entry(ctx, o, code, channel)
				e.Action, e.Mechanism = consents.Withdrawn, "unsubscribe_link"
				if _, err := s.consents.RecordTx(ctx, tx, e); err != nil {
					return View{}, err
				}
			}
		}
		return s.view(ctx, tx, o)
	})
}

// ending are the purposes that one click ends.
func (s *Service) ending(ctx context.Context, tx pgx.Tx, o opened) ([]string, error) {
	if o.link.PurposeID != nil {
		p, err := s.q.PurposeByID(ctx, tx, o.link.TenantID, *o.link.PurposeID)
		return []string{p.Code}, err
	}
	all, err := s.q.PurposesToChoose(ctx, tx, o.link.TenantID)
	var codes []string
	for _, p := range all {
		codes = append(codes, p.Code)
	}
	return codes, err
}

// entry is a yes to one purpose and channel, with what proves it.
func (s *Service) entry(ctx context.Context, o opened, purpose, channel string) consents.Entry {
	v, now := web.VisitorOf(ctx), s.clock.Now()
	url := s.config.PublicURL + path // without the secret
	return consents.Entry{
		Contact: o.contact, Purpose: purpose, Channel: channel, Action: consents.Given, ContactPoint: &o.point.ID, When: now, Zone: zone(o.institution.TimeZone),
		Source: "preferences", Reference: o.link.ID.String(), URL: &url, CampaignID: o.link.CampaignID,
		Evidence: consents.Evidence{
			Identity: map[string]string{o.point.Kind: o.point.Normalized}, IP: v.Address.String(), UserAgent: v.UserAgent, SubmittedAt: &now,
		},
	}
}

func zone(name string) string {
	if _, err := time.LoadLocation(name); err != nil {
		return "UTC"
	}
	return name
}
