package contacts

import (
	"context"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Archived is the result of a batch item that archived a contact.
const Archived = "archived"

// Item is one piece of work of a batch.
type Item struct {
	Op      string // create, update, upsert, archive
	ID      *uuid.UUID
	Key     *NewExternalID
	Body    Upsert
	IfMatch *string
	Refused *fault.Error // it is not as the contract says
}

// ItemResult is what came of an item: a contact and how, or a fault.
type ItemResult struct {
	Contact Contact
	Result  string
	Fault   *fault.Error
}

// Batch does the items in their order, each standing or falling alone. When
// atomic, all are done or none: the fault then names every item that is refused.
func (s *Service) Batch(ctx context.Context, items []Item, atomic bool) ([]ItemResult, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) ([]ItemResult, error) {
		if err := s.holdAll(ctx, tx, items); err != nil {
			return nil, err
		}
		results := make([]ItemResult, len(items))
		refused := fault.New(fault.Refused, "batch-refused")
		for i, item := range items {
			err := s.doApart(ctx, tx, item, &results[i])
			if err == nil {
				continue
			}
			f := web.Fault(err)
			if f == nil || f.Kind == fault.Unavailable {
				return nil, err
			}
			at := "#/items/" + itoa(i)
			if f != item.Refused && f.Code != "item-incomplete" {
				_ = reanchor(f, at+"/body")
			} else {
				_ = reanchor(f, at)
			}
			results[i] = ItemResult{Fault: f}
			if len(f.Violations) == 0 {
				refused.Violations = append(refused.Violations, fault.Violation{Code: f.Code, Pointer: at, Params: f.Params})
			}
			for name, value := range f.Extras { // of several items, those of the first
				if _, told := refused.Extras[name]; !told {
					refused.Extra(name, value)
				}
			}
			refused.Violations = append(refused.Violations, f.Violations...)
		}
		if atomic {
			if err := refused.OrNil(); err != nil {
				return nil, err
			}
		}
		return results, nil
	})
}

// doApart does one item so that it leaves nothing behind when it fails.
func (s *Service) doApart(ctx context.Context, tx pgx.Tx, item Item, result *ItemResult) error {
	if item.Refused != nil {
		return item.Refused
	}
	return pg.InSavepoint(ctx, tx, func(ctx context.Context, tx pgx.Tx) error {
		var err error
		result.Contact, result.Result, err = s.do(ctx, tx, item)
		return err
	})
}

// holdAll takes every lock of the batch in one order, so that two batches that
// meet wait for each other in a line and not in a circle.
func (s *Service) holdAll(ctx context.Context, tx pgx.Tx, items []Item) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	var keys []ExternalID
	known := []uuid.UUID{}
	for _, item := range items {
		if item.Key != nil {
			keys = append(keys, ExternalID{Source: item.Key.Source, ExternalID: item.Key.ExternalID})
		}
		for _, e := range item.Body.ExternalIDs {
			keys = append(keys, ExternalID{Source: e.Source, ExternalID: e.ExternalID})
		}
		if item.ID != nil {
			known = append(known, *item.ID)
		}
	}
	if len(keys) > 0 {
		if err := s.q.LockNames(ctx, tx, lockNames(actor.Tenant, keys)); err != nil {
			return err
		}
	}
	if len(keys) == 0 && len(known) < 2 {
		return nil
	}
	sources, names := make([]string, len(keys)), make([]string, len(keys))
	for i, k := range keys {
		sources[i], names[i] = k.Source, k.ExternalID
	}
	_, err = s.q.LockContacts(ctx, tx, contactsdb.LockContactsParams{TenantID: actor.Tenant, Ids: known, Sources: sources, ExternalIds: names})
	return err
}

func (s *Service) do(ctx context.Context, tx pgx.Tx, item Item) (Contact, string, error) {
	want, err := web.IfMatch(item.IfMatch)
	if err != nil {
		return Contact{}, "", fault.New(fault.Stale, "precondition-failed")
	}
	switch {
	case (item.Op == "update" || item.Op == "archive") && item.ID == nil:
		return Contact{}, "", fault.New(fault.Refused, "item-incomplete").At("#/id", "required")
	case item.Op == "upsert" && item.Key == nil:
		return Contact{}, "", fault.New(fault.Refused, "item-incomplete").At("#/external_id", "required")
	}
	switch item.Op {
	case "create":
		c, err := s.CreateTx(ctx, tx, item.Body.create())
		return c, Created, err
	case "upsert":
		u := item.Body
		if want != nil {
			u.OnlyUpdate = true
			u.Version = want
		}
		return s.UpsertTx(ctx, tx, *item.Key, u)
	case "archive":
		c, err := s.ArchiveTx(ctx, tx, *item.ID, want)
		return c, Archived, err
	}
	c, err := s.locked(ctx, tx, *item.ID)
	if err != nil {
		return Contact{}, "", err
	}
	if err := web.CheckVersion(want, c.Version); err != nil {
		return Contact{}, "", err
	}
	c, changed, err := s.enrich(ctx, tx, c, item.Body)
	if changed {
		return c, Updated, err
	}
	return c, Unchanged, err
}

// Summary counts the results of a batch.
func Summary(results []ItemResult) (created, updated, unchanged, failed int) {
	for _, r := range results {
		switch {
		case r.Fault != nil:
			failed++
		case r.Result == Created:
			created++
		case slices.Contains([]string{Updated, Matched, Archived}, r.Result):
			updated++
		default:
			unchanged++
		}
	}
	return created, updated, unchanged, failed
}
