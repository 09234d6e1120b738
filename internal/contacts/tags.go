package contacts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/web"
)

// grantable are the tags with these ids, held so that nobody archives or merges
// them meanwhile. Unknown and archived ones are refused at pointer.
func (s *Service) grantable(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, tagIDs []uuid.UUID, pointer string) ([]Tag, error) {
	if len(tagIDs) == 0 {
		return nil, nil
	}
	tags, err := s.q.ShareTags(ctx, tx, tenant, tagIDs)
	if err != nil {
		return nil, err
	}
	refused := fault.Invalid()
	for i, id := range tagIDs {
		at := slices.IndexFunc(tags, func(t Tag) bool { return t.ID == id })
		switch {
		case at < 0:
			refused.At(fmt.Sprintf("%s/%d", pointer, i), "unknown-reference")
		case tags[at].ArchivedAt != nil || tags[at].MergedInto != nil:
			refused.At(fmt.Sprintf("%s/%d", pointer, i), "archived-tag")
		}
	}
	return tags, refused.OrNil()
}

// NewTag describes a tag to be made.
type NewTag struct {
	Name        string
	Description *string
}

// TagPatch renames or describes a tag.
type TagPatch struct {
	Name        *string
	Description nullable.Nullable[string]
}

type tagRecord struct {
	Name        string     `json:"name"`
	Description *string    `json:"description"`
	ArchivedAt  *time.Time `json:"archived_at"`
	MergedInto  *uuid.UUID `json:"merged_into"`
}

func tagChange(kind string, before *Tag, after Tag, facts map[string]any) (events.Entry, error) {
	var old *tagRecord
	if before != nil {
		old = &tagRecord{before.Name, before.Description, before.ArchivedAt, before.MergedInto}
	}
	changes, err := events.Diff(old, tagRecord{after.Name, after.Description, after.ArchivedAt, after.MergedInto})
	return events.Entry{Type: kind, Subject: events.Subject{Kind: "tag", ID: after.ID, Version: after.Version}, Changes: changes, Facts: facts}, err
}

// tagName is a name as it is kept and as it is compared.
func tagName(s string) (name, folded string, err error) {
	kept := typed(s)
	if kept == nil {
		return "", "", fault.Invalid().At("#/name", "required")
	}
	if folded = Fold(*kept); folded == "" {
		folded = *kept // of signs alone
	}
	return *kept, folded, nil
}

// CreateTag adds a tag to the vocabulary.
func (s *Service) CreateTag(ctx context.Context, in NewTag) (Tag, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Tag, error) {
		actor, err := web.ActorFrom(ctx)
		if err != nil {
			return Tag{}, err
		}
		name, folded, err := tagName(in.Name)
		if err != nil {
			return Tag{}, err
		}
		if err := s.untaken(ctx, tx, actor.Tenant, folded, uuid.Nil); err != nil {
			return Tag{}, err
		}
		now := s.clock.Now()
		p := contactsdb.InsertTagParams{TenantID: actor.Tenant, ID: ids.New(), Name: name, Folded: folded, CreatedAt: now, UpdatedAt: now}
		if in.Description != nil {
			p.Description = typed(*in.Description)
		}
		t, err := s.q.InsertTag(ctx, tx, p)
		if err != nil {
			return Tag{}, err
		}
		e, err := tagChange("tag.created", nil, t, nil)
		if err != nil {
			return Tag{}, err
		}
		return t, events.RecordTx(ctx, tx, e)
	})
}

func (s *Service) untaken(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, folded string, self uuid.UUID) error {
	t, err := s.q.FindTag(ctx, tx, tenant, folded)
	switch {
	case noRows(err) || err == nil && t.ID == self:
		return nil
	case err != nil:
		return err
	}
	return fault.New(fault.Conflict, "already-exists").Extra("existing_id", t.ID.String())
}

// GetTag returns a tag, archived and merged ones too.
func (s *Service) GetTag(ctx context.Context, id uuid.UUID) (Tag, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Tag{}, err
	}
	return s.q.GetTag(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, id)
}

// TagPosition is where a walk through the tags stands.
type TagPosition struct {
	Folded string    `json:"f"`
	ID     uuid.UUID `json:"i"`
}

// ListTags returns at most limit tags by name.
func (s *Service) ListTags(ctx context.Context, prefix, archived string, after TagPosition, limit int) ([]Tag, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	folded := Fold(prefix)
	if prefix != "" && folded == "" { // no letter and no digit was asked for: no tag is called so
		return nil, nil
	}
	return s.q.ListTags(ctx, s.db.Tenant(actor.Tenant), contactsdb.ListTagsParams{
		TenantID: actor.Tenant, AfterFolded: after.Folded, AfterID: after.ID, Prefix: folded, Archived: archived, PageSize: int32(limit),
	})
}

// changeTag locks a tag, lets change alter it and saves it with its event.
func (s *Service) changeTag(ctx context.Context, id uuid.UUID, want *int64, kind string, change func(ctx context.Context, tx pgx.Tx, t *Tag) error) (Tag, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Tag, error) {
		actor, err := web.ActorFrom(ctx)
		if err != nil {
			return Tag{}, err
		}
		found, err := s.q.LockTags(ctx, tx, actor.Tenant, []uuid.UUID{id})
		if err != nil {
			return Tag{}, err
		}
		if len(found) == 0 {
			return Tag{}, fault.NotFound()
		}
		before, after := found[0], found[0]
		if err := web.CheckVersion(want, before.Version); err != nil {
			return Tag{}, err
		}
		if before.MergedInto != nil {
			return Tag{}, fault.New(fault.Conflict, "tag-in-other-hands").Extra("existing_id", before.MergedInto.String())
		}
		if err := change(ctx, tx, &after); err != nil {
			return Tag{}, err
		}
		return s.saveTag(ctx, tx, kind, before, after, nil)
	})
}

func (s *Service) saveTag(ctx context.Context, tx pgx.Tx, kind string, before, after Tag, facts map[string]any) (Tag, error) {
	e, err := tagChange(kind, &before, after, facts)
	if err != nil || len(e.Changes) == 0 {
		return before, err
	}
	after, err = s.q.UpdateTag(ctx, tx, contactsdb.UpdateTagParams{
		TenantID: after.TenantID, ID: after.ID, Name: after.Name, Folded: after.Folded, Description: after.Description,
		ArchivedAt: after.ArchivedAt, MergedInto: after.MergedInto, UpdatedAt: s.clock.Now(),
	})
	if err != nil {
		return Tag{}, err
	}
	e.Subject.Version, e.At = after.Version, after.UpdatedAt
	return after, events.RecordTx(ctx, tx, e)
}

// UpdateTag renames or describes a tag. Whoever bears it keeps it.
func (s *Service) UpdateTag(ctx context.Context, id uuid.UUID, p TagPatch, want *int64) (Tag, error) {
	return s.changeTag(ctx, id, want, "tag.updated", func(ctx context.Context, tx pgx.Tx, t *Tag) error {
		if p.Name != nil {
			var err error
			if t.Name, t.Folded, err = tagName(*p.Name); err != nil {
				return err
			}
			if err := s.untaken(ctx, tx, t.TenantID, t.Folded, t.ID); err != nil {
				return err
			}
		}
		setNullable(&t.Description, p.Description)
		return nil
	})
}

// ArchiveTag takes a tag out of use; whoever bears it keeps it.
func (s *Service) ArchiveTag(ctx context.Context, id uuid.UUID, want *int64) (Tag, error) {
	return s.changeTag(ctx, id, want, "tag.archived", func(_ context.Context, _ pgx.Tx, t *Tag) error {
		if now := s.clock.Now(); t.ArchivedAt == nil {
			t.ArchivedAt = &now
		}
		return nil
	})
}

// RestoreTag brings an archived tag back into use.
func (s *Service) RestoreTag(ctx context.Context, id uuid.UUID, want *int64) (Tag, error) {
	return s.changeTag(ctx, id, want, "tag.restored", func(_ context.Context, _ pgx.Tx, t *Tag) error {
		t.ArchivedAt = nil
		return nil
	})
}

// MergeTag gives everyone who bears a tag the other instead and returns the
// other. One event says how many they were; there is none for each contact.
func (s *Service) MergeTag(ctx context.Context, id, into uuid.UUID, want *int64) (Tag, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Tag, error) {
		actor, err := web.ActorFrom(ctx)
		if err != nil {
			return Tag{}, err
		}
		both, err := s.q.LockTags(ctx, tx, actor.Tenant, []uuid.UUID{id, into})
		if err != nil {
			return Tag{}, err
		}
		from := slices.IndexFunc(both, func(t Tag) bool { return t.ID == id })
		to := slices.IndexFunc(both, func(t Tag) bool { return t.ID == into })
		if from < 0 {
			return Tag{}, fault.NotFound()
		}
		if err := web.CheckVersion(want, both[from].Version); err != nil {
			return Tag{}, err
		}
		if both[from].MergedInto != nil {
			return Tag{}, fault.New(fault.Conflict, "tag-in-other-hands").Extra("existing_id", both[from].MergedInto.String())
		}
		switch {
		case to < 0 || id == into:
			return Tag{}, fault.Invalid().At("#/into", "unknown-reference")
		case both[to].MergedInto != nil || both[to].ArchivedAt != nil:
			return Tag{}, fault.Invalid().At("#/into", "archived-tag")
		}
		moved, err := s.q.MoveTag(ctx, tx, actor.Tenant, into, id)
		if err != nil {
			return Tag{}, err
		}
		gone := both[from]
		gone.MergedInto = &into
		if _, err := s.saveTag(ctx, tx, "tag.merged", both[from], gone, map[string]any{"into": into, "contacts": moved}); err != nil {
			return Tag{}, err
		}
		return both[to], nil
	})
}

// GiveTag gives a tag to a contact.
func (s *Service) GiveTag(ctx context.Context, contactID, tagID uuid.UUID) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (bool, error) { return s.GiveTagTx(ctx, tx, contactID, tagID) })
	return err
}

// GiveTagTx is GiveTag as part of tx; it reports whether the contact did not
// bear the tag before.
func (s *Service) GiveTagTx(ctx context.Context, tx pgx.Tx, contactID, tagID uuid.UUID) (bool, error) {
	c, err := s.GetTx(ctx, tx, contactID)
	if err != nil {
		return false, err
	}
	tags, err := s.q.ShareTags(ctx, tx, c.TenantID, []uuid.UUID{tagID})
	if err != nil {
		return false, err
	}
	if len(tags) == 0 {
		return false, fault.NotFound()
	}
	if tags[0].ArchivedAt != nil || tags[0].MergedInto != nil {
		return false, fault.New(fault.Conflict, "tag-in-other-hands")
	}
	now := s.clock.Now()
	n, err := s.q.GiveTag(ctx, tx, contactsdb.GiveTagParams{TenantID: c.TenantID, ContactID: c.ID, TagID: tagID, TaggedAt: now})
	if err != nil || n == 0 {
		return false, err
	}
	return true, events.RecordTx(ctx, tx, tagEntry("contact.tagged", c, tagID, now))
}

// TakeTag takes a tag from a contact.
func (s *Service) TakeTag(ctx context.Context, contactID, tagID uuid.UUID) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (struct{}, error) {
		c, err := s.GetTx(ctx, tx, contactID)
		if err != nil {
			return struct{}{}, err
		}
		if _, err := s.q.GetTag(ctx, tx, c.TenantID, tagID); err != nil {
			return struct{}{}, err
		}
		n, err := s.q.TakeTag(ctx, tx, c.TenantID, c.ID, tagID)
		if err != nil || n == 0 {
			return struct{}{}, err
		}
		return struct{}{}, events.RecordTx(ctx, tx, tagEntry("contact.untagged", c, tagID, s.clock.Now()))
	})
	return err
}
