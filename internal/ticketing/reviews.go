package ticketing

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Review is a description of which only a person can say who it is, with whom it
// could be.
type Review struct {
	ticketingdb.TicketingReview
	Candidates []ticketingdb.FindCandidatesRow
	Person     json.RawMessage                     // as the source describes them; of a single review only
	Orders     []ticketingdb.FindOrdersOfReviewRow // that wait for the answer; of a single review only
}

// Answer is what somebody says to a review.
type Answer struct {
	// Action: accept takes the likeliest candidate, choose the contact that is
	// named, create makes a new one, reject leaves it at nobody.
	Action    string
	ContactID *uuid.UUID
	Reason    *string
	Refused   *fault.Error // why it cannot be read
}

// ReviewFilter narrows a list of reviews.
type ReviewFilter struct {
	Status, Source *string
}

// ListReviews returns at most limit reviews after an id, the oldest first.
func (s *Service) ListReviews(ctx context.Context, f ReviewFilter, after uuid.UUID, limit int) ([]Review, error) {
	actor, source, err := s.scope(ctx, f.Source)
	if err != nil {
		return nil, err
	}
	rows, err := s.q.ListReviews(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListReviewsParams{TenantID: actor.Tenant, Status: f.Status, SourceID: source, AfterID: after, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	if rows, err = seenOf(ctx, s, actor.Tenant, rows, func(r ticketingdb.TicketingReview) []*uuid.UUID { return []*uuid.UUID{r.ContactID} }); err != nil {
		return nil, err
	}
	return s.withCandidates(ctx, actor.Tenant, rows)
}

func (s *Service) withCandidates(ctx context.Context, tenant uuid.UUID, rows []ticketingdb.TicketingReview) ([]Review, error) {
	out := make([]Review, len(rows))
	at := map[uuid.UUID]int{}
	var named []uuid.UUID
	for i, r := range rows {
		out[i] = Review{TicketingReview: r}
		at[r.ID] = i
		named = append(named, r.ID)
	}
	if len(rows) == 0 {
		return out, nil
	}
	candidates, err := s.q.FindCandidates(ctx, s.db.Tenant(tenant), tenant, named)
	if err != nil {
		return nil, err
	}
	candidates, err = seenOf(ctx, s, tenant, candidates, func(c ticketingdb.FindCandidatesRow) []*uuid.UUID { return []*uuid.UUID{&c.ContactID} })
	for _, c := range candidates {
		r := &out[at[c.ReviewID]]
		r.Candidates = append(r.Candidates, c)
	}
	return out, err
}

// GetReview reads a review with what the source says of the person and the
// orders that wait.
func (s *Service) GetReview(ctx context.Context, id uuid.UUID) (Review, error) {
	actor, only, err := s.scope(ctx, nil)
	if err != nil {
		return Review{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	row, err := s.q.GetReview(ctx, db, actor.Tenant, id)
	if err != nil {
		return Review{}, err
	}
	rows, err := seenOf(ctx, s, actor.Tenant, []ticketingdb.TicketingReview{row}, func(r ticketingdb.TicketingReview) []*uuid.UUID { return []*uuid.UUID{r.ContactID} })
	if err != nil || len(rows) == 0 || only != nil && *only != row.SourceID {
		return Review{}, orMissing(err)
	}
	all, err := s.withCandidates(ctx, actor.Tenant, rows)
	if err != nil {
		return Review{}, err
	}
	r := all[0]
	person, _, err := s.describedBy(ctx, db, row)
	if err != nil {
		return Review{}, err
	}
	if !pg.SightIn(ctx).HoldsAnywhere(pg.SeeContactPoints) {
		person = unreached(ctx, "/person", person)
	}
	r.Person = person
	r.Orders, err = s.q.FindOrdersOfReview(ctx, db, actor.Tenant, &row.Inputs)
	return r, err
}

// DecideReview answers a review. The answer is kept for the description, so that
// further orders that bear it are attributed alike and nobody is asked again.
func (s *Service) DecideReview(ctx context.Context, id uuid.UUID, a Answer, want *int64) (Review, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Review{}, err
	}
	r, err := s.answerable(ctx, actor, id, &a)
	if err != nil {
		return Review{}, err
	}
	if err := web.CheckVersion(want, r.Version); err != nil {
		return Review{}, err
	}
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error { return s.answer(ctx, tx, r, a) })
	if err != nil {
		return Review{}, err
	}
	return s.GetReview(ctx, id)
}

// DecideReviews answers many reviews, each by itself. The errors are in the order
// of the answers.
func (s *Service) DecideReviews(ctx context.Context, named []uuid.UUID, answers []Answer) ([]error, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	problems := make([]error, len(named))
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		for i, id := range named {
			err := pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error {
				if answers[i].Refused != nil {
					return answers[i].Refused
				}
				r, err := s.answerable(ctx, actor, id, &answers[i])
				if err != nil {
					return err
				}
				return s.answer(ctx, tx, r, answers[i])
			})
			if err == nil {
				continue
			}
			err = pg.Translate(err)
			if _, isFault := fault.As(err); !isFault || hopeless(ctx, err) {
				return err
			}
			problems[i] = under(err, "#/answers/"+strconv.Itoa(i))
		}
		return nil
	})
	return problems, err
}

// answerable is a review that the actor sees, and completes the answer with whom
// it names.
func (s *Service) answerable(ctx context.Context, actor web.Actor, id uuid.UUID, a *Answer) (Review, error) {
	if err := wholeInstitution(actor); err != nil {
		return Review{}, err
	}
	r, err := s.GetReview(ctx, id)
	if err != nil {
		return r, err
	}
	switch a.Action {
	case "accept":
		switch {
		case len(r.Candidates) == 0:
			return r, fault.New(fault.Conflict, "ticketing-review-ambiguous")
		case len(r.Candidates) > 1 && r.Candidates[0].Score == r.Candidates[1].Score:
			return r, fault.New(fault.Conflict, "ticketing-review-ambiguous")
		}
		a.ContactID = &r.Candidates[0].ContactID
	case "choose":
		if a.ContactID == nil {
			return r, fault.Invalid().At("#/contact_id", "required")
		}
	default:
		if a.ContactID != nil {
			return r, fault.Invalid().At("#/contact_id", "unknown-property")
		}
	}
	return r, s.mayGive(ctx, actor.Tenant, a.ContactID)
}

func (s *Service) answer(ctx context.Context, tx pgx.Tx, r Review, a Answer) error {
	return pg.AsEverything(ctx, tx, func(ctx context.Context) error {
		t := affected{}
		t.at(r.SourceID)
		if err := s.waiting(ctx, tx, r.TenantID, r.Inputs, t); err != nil {
			return err
		}
		if err := s.lockSources(ctx, tx, r.TenantID, t); err != nil {
			return err
		}
		now, err := s.q.LockReview(ctx, tx, r.TenantID, r.ID)
		if err != nil {
			return err
		}
		if now.Status != "open" {
			return fault.New(fault.Conflict, "ticketing-review-closed")
		}
		d := decision{scope: scopeInputs, key: r.Inputs, action: actionContact, contact: a.ContactID, origin: "review", review: &r.ID, reason: a.Reason}
		status := "linked"
		switch a.Action {
		case "create":
			status = "created"
			if d.contact, err = s.createFor(ctx, tx, r); err != nil {
				return err
			}
		case "reject":
			status, d.action = "rejected", actionNobody
		}
		made, err := s.decide(ctx, tx, r.TenantID, d)
		if err != nil {
			return err
		}
		at := s.clock.Now()
		after, err := s.q.SettleReview(ctx, tx, ticketingdb.SettleReviewParams{TenantID: r.TenantID, ID: r.ID, Status: status, ContactID: d.contact, DecisionID: &made.ID, DecidedAt: &at, At: at})
		if err != nil {
			return err
		}
		if err := s.attributeTouched(ctx, tx, t); err != nil {
			return err
		}
		return events.RecordTx(ctx, tx, reviewEvent(after, ""))
	})
}

// describedBy is who a review is about, in the words of something that bears its
// description: what it was raised by may have been described anew, deleted or
// forgotten since, and tells of somebody else or of nobody then. account is the
// name of the account where the words are of one.
func (s *Service) describedBy(ctx context.Context, db ticketingdb.DBTX, r ticketingdb.TicketingReview) (raw json.RawMessage, account *string, err error) {
	rows, err := s.q.FindDescribedAs(ctx, db, r.TenantID, r.SubjectID, &r.Inputs)
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	return rows[0].Person, rows[0].Account, nil
}

// createFor makes the contact of whom a review is about.
func (s *Service) createFor(ctx context.Context, tx pgx.Tx, r Review) (*uuid.UUID, error) {
	source, err := s.sourceIn(ctx, tx, r.SourceID.String())
	if err != nil {
		return nil, err
	}
	u := newUnit(s, tx, source, s.clock.Now())
	u.people = register{byAccount: map[accountKey]uuid.UUID{}, byID: map[uuid.UUID]candidate{}, byEmail: map[string][]candidate{}, byPhone: map[string][]candidate{}}
	raw, account, err := s.describedBy(ctx, tx, r.TicketingReview)
	if err != nil {
		return nil, err
	}
	p := readPerson(raw)
	if p == nil {
		return nil, fault.New(fault.Conflict, "ticketing-review-closed")
	}
	if account != nil {
		p.Customer = account
	}
	if p.Customer != nil {
		known, err := s.contacts.FindByExternalIDTx(ctx, tx, u.sourceName(), *p.Customer)
		if err != nil {
			return nil, err
		}
		if known != nil {
			p.Customer = nil // it was met meanwhile, and is somebody's
		}
	}
	id, err := u.create(ctx, p, u.describe(p, "", nil))
	if err != nil {
		return nil, err
	}
	return id, u.fresh.WriteTx(ctx, tx)
}

// reopen brings a review in line with the decision that took its answer back.
func (s *Service) reopen(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, d Decision) error {
	p := ticketingdb.SettleReviewParams{TenantID: tenant, ID: id, Status: "open", At: d.DecidedAt}
	switch d.Action {
	case actionContact:
		p.Status, p.ContactID = "linked", d.ContactID
	case actionNobody:
		p.Status = "rejected"
	}
	if d.Action != actionRules {
		p.DecisionID, p.DecidedAt = &d.ID, &d.DecidedAt
	}
	if p.Status == "open" {
		borne, err := s.q.IsBorne(ctx, tx, tenant, &d.Key)
		if err != nil {
			return err
		}
		if !borne {
			p.Status = "settled" // whatever followed the answer is gone or described anew
		}
	}
	after, err := s.q.SettleReview(ctx, tx, p)
	if err != nil {
		return err
	}
	e := reviewEvent(after, "")
	if after.Status == "open" {
		e.Type, e.Facts = "ticketing.match.review_required", map[string]any{"reason": after.Reason}
	}
	return events.RecordTx(ctx, tx, e)
}

// Proposal is that two contacts may share a home.
type Proposal = ticketingdb.TicketingHouseholdProposal

// ListProposals returns at most limit proposals after an id.
func (s *Service) ListProposals(ctx context.Context, status *string, contact *uuid.UUID, after uuid.UUID, limit int) ([]Proposal, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := wholeInstitution(actor); err != nil {
		return nil, err
	}
	rows, err := s.q.ListProposals(ctx, s.db.Tenant(actor.Tenant), ticketingdb.ListProposalsParams{TenantID: actor.Tenant, Status: status, ContactID: contact, AfterID: after, PageSize: int32(limit)})
	if err != nil {
		return nil, err
	}
	return seenOf(ctx, s, actor.Tenant, rows, bothOf)
}

func bothOf(p Proposal) []*uuid.UUID { return []*uuid.UUID{&p.ContactID, &p.OtherID} }

// DecideProposal confirms or dismisses that two contacts share a home. Either may
// be said again later.
func (s *Service) DecideProposal(ctx context.Context, id uuid.UUID, status string, want *int64) (Proposal, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Proposal{}, err
	}
	if err := wholeInstitution(actor); err != nil {
		return Proposal{}, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Proposal, error) {
		before, err := s.q.LockProposal(ctx, tx, actor.Tenant, id)
		if err != nil {
			return before, err
		}
		rows, err := seenOf(ctx, s, actor.Tenant, []Proposal{before}, bothOf)
		if err != nil || len(rows) == 0 {
			return Proposal{}, orMissing(err)
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return before, err
		}
		for _, c := range bothOf(before) {
			if err := s.mayAttribute(ctx, actor.Tenant, c); err != nil {
				return Proposal{}, err
			}
		}
		if before.Status == status {
			return before, nil
		}
		after, err := s.q.SettleProposal(ctx, tx, ticketingdb.SettleProposalParams{TenantID: actor.Tenant, ID: id, Status: status, At: new(s.clock.Now())})
		if err != nil {
			return after, err
		}
		return after, events.RecordTx(ctx, tx, proposalEvent("ticketing.household."+status, after, ""))
	})
}

// Mailbox is what is known of an address: whether it is a service's.
type Mailbox = ticketingdb.TicketingMailbox

// ListMailboxes returns at most limit addresses after one.
func (s *Service) ListMailboxes(ctx context.Context, after string, limit int) ([]Mailbox, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListMailboxes(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, after, int32(limit))
}

// SayMailbox says whether an address, a domain (@revente.example) or a local part
// (billets@) is a service's.
func (s *Service) SayMailbox(ctx context.Context, pattern string, isGeneric bool, reason *string) (Mailbox, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Mailbox{}, err
	}
	normal, ok := pattern, false
	switch pattern = foldPattern(pattern); {
	case pattern == "":
	case pattern[0] == '@':
		normal, err = contacts.NormalizeEmail("x" + pattern)
		ok, normal = err == nil, normal[min(1, len(normal)):]
	case pattern[len(pattern)-1] == '@':
		normal, err = contacts.NormalizeEmail(pattern + "example.org")
		ok = err == nil
		if ok {
			normal = normal[:len(normal)-len("example.org")]
		}
	default:
		normal, err = contacts.NormalizeEmail(pattern)
		ok = err == nil
	}
	if !ok {
		return Mailbox{}, fault.Invalid().AtParameter("mailbox", "email")
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Mailbox, error) {
		return s.q.SayMailbox(ctx, tx, ticketingdb.SayMailboxParams{TenantID: actor.Tenant, Pattern: normal, IsGeneric: isGeneric, Note: reason})
	})
}

// ForgetMailbox takes an address out of the list; what the program itself knows
// of it counts again.
func (s *Service) ForgetMailbox(ctx context.Context, pattern string) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		n, err := s.q.ForgetMailbox(ctx, tx, actor.Tenant, foldPattern(pattern))
		if err == nil && n == 0 {
			return fault.NotFound()
		}
		return err
	})
}
