package contacts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Kinds of contact points.
const (
	Email  = "email"
	Phone  = "phone"
	Social = "social"
)

// NewPoint describes a contact point to be added.
type NewPoint struct {
	Kind     string // email, phone or social
	Platform string // of a social handle
	Label    string // main (default), home, work, mobile, billing, other
	Value    string // as given; kept beside its normal form
	Primary  bool
	Verified bool // control over it has been proven
	Region   string
	Source   string
}

// PointPatch changes a contact point.
type PointPatch struct {
	Label, Value, Status *string
	Platform             *string
	StatusReason         nullable.Nullable[string]
	Primary              *bool
}

// normalizePoint is what two spellings of one point have in common.
func normalizePoint(kind, platform, value, region string) (string, error) {
	switch kind {
	case Email:
		return NormalizeEmail(value)
	case Phone:
		return NormalizePhone(value, region)
	}
	handle := strings.ToLower(strings.TrimPrefix(value, "@"))
	if handle == "" || platform == "" {
		return "", fmt.Errorf("contacts: not a handle")
	}
	return clip(strings.ToLower(platform)+":"+handle, 320), nil
}

func (n NewPoint) settle(base string, now time.Time, refused *fault.Error) Point {
	p := Point{
		ID: ids.New(), Kind: n.Kind, Label: n.Label, IsPrimary: n.Primary, Status: "unverified", StatusAt: now,
		Source: n.Source, Version: 1, CreatedAt: now, UpdatedAt: now,
	}
	if p.Label == "" {
		p.Label = "main"
	}
	if platform := typed(n.Platform); platform != nil && n.Kind == Social {
		lower := strings.ToLower(*platform)
		p.Platform = &lower
	}
	if n.Kind == Social && p.Platform == nil {
		refused.At(base+"/platform", "required")
	}
	if n.Kind != Social && n.Platform != "" {
		refused.At(base+"/platform", "not-of-this-kind", "kind", n.Kind)
	}
	value := typed(n.Value)
	if value == nil {
		refused.At(base+"/value", "required")
		return p
	}
	p.Value = *value
	var err error
	if p.Normalized, err = normalizePoint(n.Kind, n.Platform, p.Value, n.Region); err != nil {
		refused.At(base+"/value", n.Kind)
	}
	if n.Verified {
		p.Status, p.VerifiedAt = "valid", &now
	}
	return p
}

// settlePrimaries makes the first point of each kind primary when none is
// said to be.
func settlePrimaries(points []Point, refused *fault.Error) {
	primary := map[string]bool{}
	for i, p := range points {
		if p.IsPrimary && primary[p.Kind] {
			refused.At(fmt.Sprintf("#/contact_points/%d/is_primary", i), "one-primary")
		}
		primary[p.Kind] = primary[p.Kind] || p.IsPrimary
		if slices.ContainsFunc(points[:i], func(o Point) bool { return o.Kind == p.Kind && o.Normalized == p.Normalized }) {
			refused.At(fmt.Sprintf("#/contact_points/%d/value", i), "not-unique")
		}
	}
	for i, p := range points {
		if !primary[p.Kind] {
			points[i].IsPrimary, primary[p.Kind] = true, true
		}
	}
}

// transitions of a contact point's status. Opting out is the person's word:
// what the network says later does not undo it, only they do.
func mayBecome(from, to string) bool {
	allowed := map[string][]string{
		"unverified": {"valid", "bounced", "invalid", "opted_out"},
		"valid":      {"unverified", "bounced", "invalid", "opted_out"},
		"bounced":    {"unverified", "valid", "invalid", "opted_out"},
		"invalid":    {"unverified", "valid", "opted_out"},
		"opted_out":  {"unverified", "valid"},
	}
	return from == to || slices.Contains(allowed[from], to)
}

// become moves a point to a status.
func become(p *Point, status string, reason *string, now time.Time) error {
	if !mayBecome(p.Status, status) {
		return fault.New(fault.Conflict, "contact-point-status").With("from", p.Status).With("to", status)
	}
	if p.Status != status {
		p.Status, p.StatusAt = status, now
		if status == "valid" {
			p.VerifiedAt = &now
		}
	}
	p.StatusReason = reason
	return nil
}

// AddPoint adds a contact point. The first of its kind is the primary one.
func (s *Service) AddPoint(ctx context.Context, contactID uuid.UUID, n NewPoint) (Point, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Point, error) {
		p, existed, err := s.ensurePoint(ctx, tx, contactID, n)
		if err == nil && existed {
			return Point{}, fault.New(fault.Conflict, "already-exists").Extra("existing_id", p.ID.String())
		}
		return p, err
	})
}

func (s *Service) ensurePoint(ctx context.Context, tx pgx.Tx, contactID uuid.UUID, n NewPoint) (Point, bool, error) {
	c, err := s.locked(ctx, tx, contactID)
	if err != nil {
		return Point{}, false, err
	}
	if err := Require(ctx, c, pg.SeeContactPoints); err != nil {
		return Point{}, false, err // else what is refused as known already would give it away
	}
	now := s.clock.Now()
	refused := fault.Invalid()
	p := n.settle("#", now, refused)
	if err := refused.OrNil(); err != nil {
		return Point{}, false, err
	}
	p.TenantID, p.ContactID = c.TenantID, c.ID
	points, err := s.q.LockPoints(ctx, tx, c.TenantID, c.ID)
	if err != nil {
		return Point{}, false, err
	}
	for _, o := range points {
		if o.Kind == p.Kind && o.Normalized == p.Normalized {
			return o, true, nil
		}
	}
	hasPrimary := slices.ContainsFunc(points, func(o Point) bool { return o.Kind == p.Kind && o.IsPrimary })
	p.IsPrimary = p.IsPrimary || !hasPrimary
	var entries []events.Entry
	if p.IsPrimary {
		if entries, err = s.demote(ctx, tx, points, p, now); err != nil {
			return Point{}, false, err
		}
	}
	key, err := s.erasureKey(ctx, tx, c.TenantID, false)
	if err != nil {
		return Point{}, false, err
	}
	opposed, err := s.oppose(ctx, tx, c.TenantID, key, []*Point{&p})
	if err != nil {
		return Point{}, false, err
	}
	d := draft{contact: c, points: []Point{p}}
	if err := d.writePoints(ctx, tx); err != nil {
		return Point{}, false, err
	}
	added, err := pointEntry("contact_point.added", nil, &p)
	if err != nil {
		return Point{}, false, err
	}
	if err := events.RecordTx(ctx, tx, append(entries, added)...); err != nil {
		return Point{}, false, err
	}
	if err := s.tellOpposed(ctx, tx, opposed); err != nil {
		return Point{}, false, err
	}
	return p, false, s.follow(ctx, tx, c)
}

func (d *draft) writePoints(ctx context.Context, tx pgx.Tx) error {
	b := &pgx.Batch{}
	for _, p := range d.points {
		b.Queue(contactsdb.InsertPoint, p.TenantID, p.ID, p.ContactID, p.Kind, p.Platform, p.Label, p.Value, p.Normalized,
			p.IsPrimary, p.Status, p.StatusAt, p.StatusReason, p.VerifiedAt, p.Source, p.CreatedAt, p.UpdatedAt)
	}
	return tx.SendBatch(ctx, b).Close()
}

// demote takes the primary place from whoever has it, for p.
func (s *Service) demote(ctx context.Context, tx pgx.Tx, points []Point, p Point, now time.Time) ([]events.Entry, error) {
	var entries []events.Entry
	for _, o := range points {
		if o.Kind != p.Kind || !o.IsPrimary || o.ID == p.ID {
			continue
		}
		after := o
		after.IsPrimary = false
		after, err := s.savePoint(ctx, tx, after, now)
		if err != nil {
			return nil, err
		}
		e, err := pointEntry("contact_point.updated", &o, &after)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (s *Service) savePoint(ctx context.Context, tx pgx.Tx, p Point, now time.Time) (Point, error) {
	return s.q.UpdatePoint(ctx, tx, contactsdb.UpdatePointParams{
		TenantID: p.TenantID, ID: p.ID, Label: p.Label, Platform: p.Platform, Value: p.Value, Normalized: p.Normalized,
		IsPrimary: p.IsPrimary, Status: p.Status, StatusAt: p.StatusAt, StatusReason: p.StatusReason, VerifiedAt: p.VerifiedAt,
		UpdatedAt: now,
	})
}

// UpdatePoint changes a contact point. Another value is another mailbox or
// line, so its status starts again.
func (s *Service) UpdatePoint(ctx context.Context, contactID, id uuid.UUID, p PointPatch, want *int64) (Point, error) {
	return inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (Point, error) {
		c, err := s.locked(ctx, tx, contactID)
		if err != nil {
			return Point{}, err
		}
		if !reachable(ctx, c) {
			return Point{}, fault.NotFound()
		}
		points, err := s.q.LockPoints(ctx, tx, c.TenantID, c.ID)
		if err != nil {
			return Point{}, err
		}
		i := slices.IndexFunc(points, func(o Point) bool { return o.ID == id })
		if i < 0 {
			return Point{}, fault.NotFound()
		}
		if err := web.CheckVersion(want, points[i].Version); err != nil {
			return Point{}, err
		}
		after, err := s.changePoint(ctx, tx, points, points[i], p)
		if err != nil {
			return after, err
		}
		if after.Version == points[i].Version {
			web.NoteUnchanged(ctx, c.ID)
		}
		return after, s.follow(ctx, tx, c)
	})
}

func (s *Service) changePoint(ctx context.Context, tx pgx.Tx, points []Point, before Point, p PointPatch) (Point, error) {
	now := s.clock.Now()
	after, err := p.applied(before, points, now)
	if err != nil {
		return Point{}, err
	}
	var opposed []opposition
	if after.Normalized != before.Normalized {
		key, err := s.erasureKey(ctx, tx, after.TenantID, false)
		if err != nil {
			return Point{}, err
		}
		if opposed, err = s.oppose(ctx, tx, after.TenantID, key, []*Point{&after}); err != nil {
			return Point{}, err
		}
	}
	e, err := pointEntry("contact_point.updated", &before, &after)
	if err != nil || len(e.Changes) == 0 {
		return before, err
	}
	var entries []events.Entry
	if after.IsPrimary && !before.IsPrimary {
		if entries, err = s.demote(ctx, tx, points, after, now); err != nil {
			return Point{}, err
		}
	}
	if after, err = s.savePoint(ctx, tx, after, now); err != nil {
		return Point{}, err
	}
	e.Subject.Version, e.At = after.Version, after.UpdatedAt
	if err := events.RecordTx(ctx, tx, append(entries, e)...); err != nil {
		return Point{}, err
	}
	return after, s.tellOpposed(ctx, tx, opposed)
}

func (p PointPatch) applied(before Point, points []Point, now time.Time) (Point, error) {
	after := before
	refused := fault.Invalid()
	if p.Label != nil {
		after.Label = *p.Label
	}
	if p.Platform != nil && after.Kind != Social {
		refused.At("#/platform", "not-of-this-kind", "kind", after.Kind)
	} else if p.Platform != nil {
		platform := strings.ToLower(*p.Platform)
		after.Platform = &platform
	}
	if p.Value != nil || p.Platform != nil {
		if p.Value != nil {
			if value := typed(*p.Value); value != nil {
				after.Value = *value
			} else {
				refused.At("#/value", "required")
			}
		}
		platform := ""
		if after.Platform != nil {
			platform = *after.Platform
		}
		normalized, err := normalizePoint(after.Kind, platform, after.Value, "")
		if err != nil {
			refused.At("#/value", after.Kind)
		} else if normalized != before.Normalized {
			after.Normalized, after.Status, after.StatusAt, after.StatusReason, after.VerifiedAt = normalized, "unverified", now, nil, nil
		}
		for _, o := range points {
			if o.ID != before.ID && o.Kind == after.Kind && o.Normalized == after.Normalized {
				return Point{}, fault.New(fault.Conflict, "already-exists").Extra("existing_id", o.ID.String())
			}
		}
	}
	if p.Primary != nil {
		if before.IsPrimary && !*p.Primary {
			refused.At("#/is_primary", "name-another-primary")
		}
		after.IsPrimary = *p.Primary
	}
	if err := refused.OrNil(); err != nil {
		return Point{}, err
	}
	reason := after.StatusReason
	if p.StatusReason.IsSpecified() {
		reason = nil
		if text, err := p.StatusReason.Get(); err == nil {
			reason = typed(text)
		}
	} else if p.Status != nil && *p.Status != after.Status {
		reason = nil
	}
	status := after.Status
	if p.Status != nil {
		status = *p.Status
	}
	err := become(&after, status, reason, now)
	return after, err
}

// RemovePoint deletes a contact point. When it was the primary one, the oldest
// of its kind takes its place.
func (s *Service) RemovePoint(ctx context.Context, contactID, id uuid.UUID, want *int64) error {
	_, err := inTx(ctx, s, func(ctx context.Context, tx pgx.Tx) (struct{}, error) {
		c, err := s.locked(ctx, tx, contactID)
		if err != nil {
			return struct{}{}, err
		}
		if !reachable(ctx, c) {
			return struct{}{}, fault.NotFound()
		}
		points, err := s.q.LockPoints(ctx, tx, c.TenantID, c.ID)
		if err != nil {
			return struct{}{}, err
		}
		i := slices.IndexFunc(points, func(o Point) bool { return o.ID == id })
		if i < 0 {
			return struct{}{}, fault.NotFound()
		}
		gone := points[i]
		if err := web.CheckVersion(want, gone.Version); err != nil {
			return struct{}{}, err
		}
		if err := s.q.DeletePoint(ctx, tx, c.TenantID, gone.ID); err != nil {
			return struct{}{}, err
		}
		removed, err := pointEntry("contact_point.removed", &gone, nil)
		if err != nil {
			return struct{}{}, err
		}
		removed.At = s.clock.Now()
		entries := []events.Entry{removed}
		heir := slices.IndexFunc(points, func(o Point) bool { return o.ID != gone.ID && o.Kind == gone.Kind })
		if gone.IsPrimary && heir >= 0 {
			after := points[heir]
			after.IsPrimary = true
			if after, err = s.savePoint(ctx, tx, after, s.clock.Now()); err != nil {
				return struct{}{}, err
			}
			e, err := pointEntry("contact_point.updated", &points[heir], &after)
			if err != nil {
				return struct{}{}, err
			}
			entries = append(entries, e)
		}
		if err := events.RecordTx(ctx, tx, entries...); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, s.follow(ctx, tx, c)
	})
	return err
}

// GetPoint returns one contact point of a contact.
func (s *Service) GetPoint(ctx context.Context, contactID, id uuid.UUID) (Point, error) {
	c, err := s.Get(ctx, contactID)
	if err != nil {
		return Point{}, err
	}
	if !reachable(ctx, c) {
		return Point{}, fault.NotFound()
	}
	return s.q.GetPoint(ctx, s.db.Tenant(c.TenantID), c.TenantID, c.ID, id)
}

// ListPoints returns at most limit points of a contact after an id.
func (s *Service) ListPoints(ctx context.Context, contactID, after uuid.UUID, limit int) ([]Point, error) {
	c, err := s.Get(ctx, contactID)
	if err != nil {
		return nil, err
	}
	if !reachable(ctx, c) {
		web.NoteMasked(ctx, "/data")
		return nil, nil
	}
	return s.q.ListPoints(ctx, s.db.Tenant(c.TenantID), contactsdb.ListPointsParams{
		TenantID: c.TenantID, ContactID: c.ID, After: after, PageSize: int32(limit),
	})
}
