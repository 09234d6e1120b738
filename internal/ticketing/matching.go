package ticketing

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// What a decision is about, and what it says.
const (
	scopeOrder  = "order"
	scopeTicket = "ticket"
	scopeInputs = "inputs"

	actionContact = "contact"
	actionNobody  = "nobody"
	actionRules   = "rules"
)

type mailboxRow = ticketingdb.FindMailboxesRow

type decisionKey struct{ scope, key string }

// question is a description of which only a person can say who it is.
type question struct {
	inputs, kind string
	subject      uuid.UUID
	finding      finding
}

// pair are two contacts that may share a home.
type pair struct {
	one, other uuid.UUID
	order      *uuid.UUID
}

// matching is what a unit knows and leaves of decisions about people.
type matching struct {
	decisions map[decisionKey]ticketingdb.TicketingDecision
	looked    map[uuid.UUID]bool // orders whose decisions were read
	retried   map[uuid.UUID]bool // accounts to attribute again although nothing changed
	held      map[uuid.UUID][]candidate
	asked     []question
	answered  []string // descriptions that the rules attribute by now
	homes     []pair
	learnt    []string    // addresses that too many people have used
	rejoined  []uuid.UUID // accounts that turned out to be of a person who was known
	// met are contacts that this unit made, learnt something of or recognised.
	met map[uuid.UUID]bool
}

// loadDecisions reads what people decided about the orders, tickets and
// descriptions of the unit.
func (u *unit) loadDecisions(ctx context.Context) error {
	if u.decisions == nil {
		u.decisions, u.looked = map[decisionKey]ticketingdb.TicketingDecision{}, map[uuid.UUID]bool{}
	}
	var scopes, keys []string
	ask := func(scope, key string) { scopes, keys = append(scopes, scope), append(keys, key) }
	for _, e := range u.customers {
		if e.dirty && e.now.Profile != nil {
			p := readPerson(e.now.Profile)
			p.Customer = &e.now.ExternalID
			ask(scopeInputs, u.digestOf(p, ""))
		}
	}
	for id, o := range u.orders {
		if u.looked[id] || o.row.Stub || o.row.Deleted || o.row.Test {
			continue
		}
		u.looked[id] = true
		ask(scopeOrder, id.String())
		ask(scopeInputs, u.digestOfBuyer(o))
		for ticket := range o.lines {
			ask(scopeTicket, ticket.String())
		}
	}
	if len(keys) == 0 {
		return nil
	}
	rows, err := u.s.q.FindDecisions(ctx, u.tx, scopes, keys, u.source.TenantID)
	for _, d := range rows {
		u.decisions[decisionKey{d.Scope, d.Key}] = d
	}
	return err
}

// decided is what somebody said about an order, or else about everybody who is
// described like its buyer.
func (u *unit) decided(order uuid.UUID, inputs string) (finding, bool) {
	if d, ok := u.decisions[decisionKey{scopeOrder, order.String()}]; ok && d.Action != actionRules {
		return findingOf(d), true
	}
	if d, ok := u.decisions[decisionKey{scopeInputs, inputs}]; ok && d.Action != actionRules {
		return findingOf(d), true
	}
	return finding{}, false
}

func findingOf(d ticketingdb.TicketingDecision) finding {
	f := finding{contact: d.ContactID, rule: "decided", score: 1, evidence: []string{"decided_by_a_person"}}
	if d.Scope == scopeInputs {
		f.rule, f.evidence = "review_contact", []string{"decided_for_this_description"}
	}
	if d.Origin == "claim" {
		f.rule, f.evidence = "claimed", []string{"claimed_with_proof"}
	}
	if d.Action == actionNobody {
		f.score = 0
		f.rule = map[bool]string{true: "review_nobody", false: "decided_nobody"}[d.Scope == scopeInputs]
	}
	return f
}

// ask leaves behind what people are to decide: who somebody is, and whether two
// who share an address share a home. It also remembers crowded addresses.
func (u *unit) ask(ctx context.Context) error {
	slices.Sort(u.learnt)
	for _, address := range u.learnt {
		if err := u.s.q.LearnMailbox(ctx, u.tx, u.source.TenantID, address); err != nil {
			return err
		}
	}
	var out []events.Entry
	slices.SortFunc(u.asked, func(a, b question) int { return compareText(a.inputs, b.inputs) })
	for _, q := range u.asked {
		if err := u.askWho(ctx, q, &out); err != nil {
			return err
		}
	}
	if err := u.closeAnswered(ctx, &out); err != nil {
		return err
	}
	if err := u.closeLeft(ctx, &out); err != nil {
		return err
	}
	if err := u.propose(ctx, &out); err != nil {
		return err
	}
	return events.RecordTx(ctx, u.tx, out...)
}

func (u *unit) askWho(ctx context.Context, q question, out *[]events.Entry) error {
	tenant := u.source.TenantID
	row, err := u.s.q.InsertReview(ctx, u.tx, ticketingdb.InsertReviewParams{
		TenantID: tenant, ID: ids.New(), Inputs: q.inputs, SourceID: u.source.ID, SubjectKind: q.kind, SubjectID: q.subject,
		Reason: q.finding.reason, Score: q.finding.score, At: u.now,
	})
	if err != nil {
		return err
	}
	if err := u.s.q.DropCandidates(ctx, u.tx, tenant, row.ID); err != nil {
		return err
	}
	for _, c := range q.finding.candidates {
		if err := u.s.q.InsertCandidate(ctx, u.tx, ticketingdb.InsertCandidateParams{TenantID: tenant, ReviewID: row.ID, ContactID: c.contact, Score: c.score, Rule: c.rule, Evidence: c.evidence}); err != nil {
			return err
		}
	}
	if row.UpdatedAt.Equal(u.now) {
		facts := map[string]any{"reason": row.Reason, "candidates": len(q.finding.candidates)}
		if q.kind == kindOrder {
			facts["order_id"] = q.subject
		}
		*out = append(*out, events.Entry{Type: "ticketing.match.review_required", Subject: events.Subject{Kind: "ticketing_review", ID: row.ID, Version: row.Version}, Facts: facts, Source: u.sourceName()})
	}
	return nil
}

// closeAnswered closes the reviews of descriptions that the rules attribute by
// now, as after a contact was corrected.
func (u *unit) closeAnswered(ctx context.Context, out *[]events.Entry) error {
	if len(u.answered) == 0 {
		return nil
	}
	rows, err := u.s.q.SettleReviewsOf(ctx, u.tx, u.now, u.source.TenantID, u.answered)
	for _, r := range rows {
		*out = append(*out, reviewEvent(r, u.sourceName()))
	}
	return err
}

func reviewEvent(r ticketingdb.TicketingReview, source string) events.Entry {
	facts := map[string]any{"status": r.Status}
	if r.ContactID != nil {
		facts["contact_id"] = r.ContactID
	}
	return events.Entry{Type: "ticketing.match.review_decided", Subject: events.Subject{Kind: "ticketing_review", ID: r.ID, Version: r.Version}, Facts: facts, Source: source}
}

func (u *unit) propose(ctx context.Context, out *[]events.Entry) error {
	for i := range u.homes {
		if p := &u.homes[i]; slices.Compare(p.one[:], p.other[:]) > 0 {
			p.one, p.other = p.other, p.one
		}
	}
	slices.SortFunc(u.homes, func(a, b pair) int {
		if c := slices.Compare(a.one[:], b.one[:]); c != 0 {
			return c
		}
		return slices.Compare(a.other[:], b.other[:])
	})
	for _, h := range u.homes {
		rows, err := u.s.q.InsertProposal(ctx, u.tx, ticketingdb.InsertProposalParams{TenantID: u.source.TenantID, ID: ids.New(), One: h.one, Other: h.other, Reason: "shared_email", OrderID: h.order, At: u.now})
		if err != nil {
			return err
		}
		for _, r := range rows {
			*out = append(*out, proposalEvent("ticketing.household.proposed", r, u.sourceName()))
		}
	}
	return nil
}

// proposalEvent names both people, so that it is seen where both are.
func proposalEvent(kind string, r ticketingdb.TicketingHouseholdProposal, source string) events.Entry {
	return events.Entry{Type: kind, Subject: events.Subject{Kind: "household_proposal", ID: r.ID, Version: r.Version}, Source: source,
		Facts: map[string]any{"contact_id": r.ContactID, "previous_contact_id": r.OtherID, "other_contact_id": r.OtherID, "reason": r.Reason, "status": r.Status}}
}
