package sensitive

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/sensitive/internal/sensitivedb"
	"github.com/parvis-crm/parvis/internal/vault"
)

// Reading is what a reader says of themselves: which operation, and why.
type Reading struct {
	Operation string
	Reason    *string
}

// shortestReason: what is shorter says nothing.
const shortestReason = 3

func (r Reading) reason() (string, error) {
	if r.Reason == nil || len(strings.TrimSpace(*r.Reason)) < shortestReason {
		return "", fault.New(fault.Malformed, "access-reason-required").AtHeader("Parvis-Reason", "required")
	}
	return strings.TrimSpace(*r.Reason), nil
}

// noted writes who reads whose facts and why, in the transaction that reads
// them: without the note there is no answer.
func (r Reading) noted(ctx context.Context, tx pgx.Tx, persons ...uuid.UUID) error {
	reason, err := r.reason()
	if err != nil {
		return err
	}
	return audit.RecordReadTx(ctx, tx, r.Operation, reason, persons...)
}

// List returns at most limit facts about a contact after one, the oldest first.
func (s *Service) List(ctx context.Context, r Reading, contact uuid.UUID, expired bool, after uuid.UUID, limit int) ([]Fact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) ([]Fact, error) {
		if _, err := s.contacts.GetTx(ctx, tx, contact); err != nil {
			return nil, err
		}
		if err := r.noted(ctx, tx, contact); err != nil {
			return nil, err
		}
		rows, err := s.q.ListFacts(ctx, tx, sensitivedb.ListFactsParams{
			TenantID: tenant, ContactID: contact, After: after, IncludeExpired: expired, Today: s.clock.Now(), PageSize: int32(limit),
		})
		if err != nil {
			return nil, err
		}
		return s.open(ctx, tx, tenant, contact, rows)
	})
}

// Get returns a fact.
func (s *Service) Get(ctx context.Context, r Reading, contact, id uuid.UUID) (Fact, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Fact, error) {
		if _, err := s.contacts.GetTx(ctx, tx, contact); err != nil {
			return Fact{}, err
		}
		row, err := s.q.GetFact(ctx, tx, tenant, contact, id)
		if err != nil {
			return Fact{}, err
		}
		if err := r.noted(ctx, tx, contact); err != nil {
			return Fact{}, err
		}
		return s.openOne(ctx, tx, row)
	})
}

func (s *Service) openOne(ctx context.Context, tx pgx.Tx, row Row) (Fact, error) {
	facts, err := s.open(ctx, tx, row.TenantID, row.ContactID, []Row{row})
	if err != nil {
		return Fact{}, err
	}
	return facts[0], nil
}

// open opens facts about one person. Where the key is gone, so are they.
func (s *Service) open(ctx context.Context, tx pgx.Tx, tenant, person uuid.UUID, rows []Row) ([]Fact, error) {
	subject, err := s.vault.KnownSubject(ctx, tx, tenant, person)
	if errors.Is(err, vault.ErrNoKey) && len(rows) == 0 {
		return []Fact{}, nil
	}
	if err != nil {
		return nil, destroyed(err)
	}
	defer subject.Close()
	out := make([]Fact, 0, len(rows))
	for _, row := range rows {
		f := Fact{Row: row}
		if err := openInto(subject, row.ID, row.Sealed, &f.Content); err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

func openInto(subject *vault.Subject, fact uuid.UUID, sealed []byte, into *Content) error {
	raw, err := subject.Open(table, "sealed", fact.String(), sealed)
	if err != nil {
		return err
	}
	defer clear(raw)
	return json.Unmarshal(raw, into)
}

// Find returns the facts that have an identifier, without opening any.
func (s *Service) Find(ctx context.Context, r Reading, i Identifier) ([]Row, error) {
	if _, err := r.reason(); err != nil {
		return nil, err
	}
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) ([]Row, error) {
		lookup, err := s.vault.Index(ctx, tx, tenant, table, "lookup", i.Scheme+":"+i.normal())
		if err != nil {
			return nil, err
		}
		found, err := s.q.FindFacts(ctx, tx, tenant, lookup)
		if err != nil {
			return nil, err
		}
		out, persons := []Row{}, []uuid.UUID{}
		for _, row := range found {
			// A contact that the caller may not see is not found either.
			if _, err := s.contacts.GetTx(ctx, tx, row.ContactID); err != nil {
				if _, known := fault.As(err); known {
					continue
				}
				return nil, err
			}
			out, persons = append(out, row), append(persons, row.ContactID)
		}
		return out, r.noted(ctx, tx, persons...)
	})
}

// Change is one entry of a fact's history: what it said afterwards.
type Change struct {
	EventID            uuid.UUID
	Type               string
	At                 time.Time
	ActorKind, ActorID string
	Content            *Content // nil: it was removed
}

// History returns what a fact said after each change, also of one that was
// removed since.
func (s *Service) History(ctx context.Context, r Reading, contact, id uuid.UUID) ([]Change, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) ([]Change, error) {
		if _, err := s.contacts.GetTx(ctx, tx, contact); err != nil {
			return nil, err
		}
		rows, err := s.q.FactHistory(ctx, tx, tenant, id)
		if err != nil {
			return nil, err
		}
		rows = about(rows, contact)
		if len(rows) == 0 {
			return nil, fault.NotFound()
		}
		if err := r.noted(ctx, tx, contact); err != nil {
			return nil, err
		}
		subject, err := s.vault.KnownSubject(ctx, tx, tenant, contact)
		if err != nil {
			return nil, destroyed(err)
		}
		defer subject.Close()
		out := make([]Change, 0, len(rows))
		var last *Content
		for _, row := range rows {
			if last, err = next(subject, id, row.Changes, last); err != nil {
				return nil, err
			}
			out = append(out, Change{EventID: row.ID, Type: row.Type, At: row.OccurredAt, ActorKind: row.ActorKind, ActorID: row.ActorID, Content: last})
		}
		return out, nil
	})
}

// about keeps the events of facts about one contact.
func about(rows []sensitivedb.FactHistoryRow, contact uuid.UUID) []sensitivedb.FactHistoryRow {
	out := rows[:0]
	for _, row := range rows {
		var facts struct {
			Contact uuid.UUID `json:"contact_id"`
		}
		if json.Unmarshal(row.Facts, &facts) == nil && facts.Contact == contact {
			out = append(out, row)
		}
	}
	return out
}

// next is the content after a change: the one before, where the change was of
// something else.
func next(subject *vault.Subject, id uuid.UUID, raw json.RawMessage, before *Content) (*Content, error) {
	var changes []events.Change
	if raw == nil {
		return before, nil // erased
	}
	if err := json.Unmarshal(raw, &changes); err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.Pointer != "/sealed" {
			continue
		}
		text, ok := c.After.(string)
		if !ok {
			return nil, nil
		}
		sealed, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return nil, err
		}
		var content Content
		return &content, openInto(subject, id, sealed, &content)
	}
	return before, nil
}
