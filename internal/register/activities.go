package register

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/register/internal/registerdb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Statuses of an activity; only what is active gives its purposes fields.
const (
	Draft   = "draft"
	Active  = "active"
	Retired = "retired"
)

// The two registers: as controller (GDPR art. 30(1)) and as processor for
// somebody else (art. 30(2)).
const (
	Controller = "controller"
	Processor  = "processor"
)

// Party is somebody who answers for an activity.
type Party struct {
	Role    string `json:"role"`
	Name    string `json:"name"`
	Address string `json:"address,omitempty"`
	Email   string `json:"email,omitempty"`
	Phone   string `json:"phone,omitempty"`
}

// Recipient gets data; outside the EEA with safeguards.
type Recipient struct {
	Name       string `json:"name"`
	Country    string `json:"country,omitempty"`
	Safeguards string `json:"safeguards,omitempty"`
}

// Retention says how long something is kept.
type Retention struct {
	What   string `json:"what"`
	Period string `json:"period"`
}

// ProcessorOf processes on behalf of the institution (sous-traitant).
type ProcessorOf struct {
	Name         string `json:"name"`
	Service      string `json:"service"`
	Country      string `json:"country,omitempty"`
	OwnerCountry string `json:"owner_country,omitempty"`
}

// Activity is a processing activity (activité de traitement).
type Activity struct {
	registerdb.ProcessingActivity
	PurposeIDs []uuid.UUID
	Parties    []Party
	Recipients []Recipient
	Retention  []Retention
	Processors []ProcessorOf
}

// Create registers an activity.
func (s *Service) Create(ctx context.Context, a Activity) (Activity, error) {
	return s.change(ctx, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Activity, error) {
		known, err := s.q.GetActivityByCode(ctx, tx, tenant, a.Code)
		if err == nil {
			return Activity{}, fault.New(fault.Conflict, "already-exists").Extra("existing_id", known.ID.String())
		}
		if !pg.IsNoRows(err) {
			return Activity{}, err
		}
		if err := s.there(ctx, tx, tenant, Activity{}, a); err != nil {
			return Activity{}, err
		}
		row, err := s.q.InsertActivity(ctx, tx, registerdb.InsertActivityParams{
			TenantID: tenant, ID: ids.New(), Code: a.Code, Name: a.Name, Role: a.Role, Status: a.Status, Description: a.Description,
			Parties: written(a.Parties), PersonCategories: listOf(a.PersonCategories), FieldClasses: listOf(a.FieldClasses), DataCategories: listOf(a.DataCategories),
			Recipients: written(a.Recipients), Retention: written(a.Retention), SecurityMeasures: listOf(a.SecurityMeasures), Processors: written(a.Processors),
			SourceCodes: listOf(a.SourceCodes), WebhookEndpointIds: listOf(a.WebhookEndpointIds), SendsMail: a.SendsMail,
		})
		if err != nil {
			return Activity{}, err
		}
		if err := s.q.AddPurposes(ctx, tx, tenant, row.ID, a.PurposeIDs); err != nil {
			return Activity{}, referenced(err)
		}
		after, err := read(row, a.PurposeIDs)
		if err != nil {
			return Activity{}, err
		}
		return after, s.record(ctx, tx, "processing_activity.created", nil, after)
	})
}

// Update changes an activity; want is the version it is meant for, nil for any.
// What did not change leaves no trace.
func (s *Service) Update(ctx context.Context, id uuid.UUID, want *int64, change func(*Activity)) (Activity, error) {
	return s.change(ctx, func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Activity, error) {
		row, err := s.q.LockActivity(ctx, tx, tenant, id)
		if err != nil {
			return Activity{}, err
		}
		if err := web.CheckVersion(want, row.Version); err != nil {
			return Activity{}, err
		}
		before, err := s.whole(ctx, tx, row)
		if err != nil {
			return Activity{}, err
		}
		a := before
		change(&a)
		changes, err := events.Diff(described(before), described(a))
		if err != nil || len(changes) == 0 {
			return before, err
		}
		if err := s.there(ctx, tx, tenant, before, a); err != nil {
			return Activity{}, err
		}
		row, err = s.q.UpdateActivity(ctx, tx, registerdb.UpdateActivityParams{
			TenantID: tenant, ID: id, Name: a.Name, Status: a.Status, Description: a.Description,
			Parties: written(a.Parties), PersonCategories: listOf(a.PersonCategories), FieldClasses: listOf(a.FieldClasses), DataCategories: listOf(a.DataCategories),
			Recipients: written(a.Recipients), Retention: written(a.Retention), SecurityMeasures: listOf(a.SecurityMeasures), Processors: written(a.Processors),
			SourceCodes: listOf(a.SourceCodes), WebhookEndpointIds: listOf(a.WebhookEndpointIds), SendsMail: a.SendsMail,
		})
		if err != nil {
			return Activity{}, err
		}
		if err := s.q.DropPurposesOf(ctx, tx, tenant, id); err != nil {
			return Activity{}, err
		}
		if err := s.q.AddPurposes(ctx, tx, tenant, id, a.PurposeIDs); err != nil {
			return Activity{}, referenced(err)
		}
		after, err := read(row, a.PurposeIDs)
		if err != nil {
			return Activity{}, err
		}
		return after, s.record(ctx, tx, "processing_activity.updated", &before, after)
	})
}

func (s *Service) change(ctx context.Context, fn func(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (Activity, error)) (Activity, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Activity{}, err
	}
	s.listed.forget(actor.Tenant)
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Activity, error) { return fn(ctx, tx, actor.Tenant) })
}

// Get returns an activity.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Activity, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Activity{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	row, err := s.q.GetActivity(ctx, db, actor.Tenant, id)
	if err != nil {
		return Activity{}, err
	}
	return s.whole(ctx, db, row)
}

// List returns at most limit activities after a code.
func (s *Service) List(ctx context.Context, after *string, limit int) ([]Activity, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	db := s.db.Tenant(actor.Tenant)
	rows, err := s.q.ListActivities(ctx, db, actor.Tenant, after, int32(limit))
	if err != nil {
		return nil, err
	}
	return s.all(ctx, db, actor.Tenant, rows)
}

func (s *Service) whole(ctx context.Context, db pg.DBTX, row registerdb.ProcessingActivity) (Activity, error) {
	list, err := s.all(ctx, db, row.TenantID, []registerdb.ProcessingActivity{row})
	if err != nil {
		return Activity{}, err
	}
	return list[0], nil
}

func (s *Service) all(ctx context.Context, db pg.DBTX, tenant uuid.UUID, rows []registerdb.ProcessingActivity) ([]Activity, error) {
	links, err := s.q.ListPurposesOf(ctx, db, tenant, web.Map(rows, func(r registerdb.ProcessingActivity) uuid.UUID { return r.ID }))
	if err != nil {
		return nil, err
	}
	of := map[uuid.UUID][]uuid.UUID{}
	for _, l := range links {
		of[l.ActivityID] = append(of[l.ActivityID], l.PurposeID)
	}
	out := make([]Activity, len(rows))
	for i, row := range rows {
		if out[i], err = read(row, of[row.ID]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func read(row registerdb.ProcessingActivity, purposes []uuid.UUID) (Activity, error) {
	a := Activity{ProcessingActivity: row, PurposeIDs: listOf(purposes)}
	for _, part := range []struct {
		raw []byte
		to  any
	}{{row.Parties, &a.Parties}, {row.Recipients, &a.Recipients}, {row.Retention, &a.Retention}, {row.Processors, &a.Processors}} {
		if err := json.Unmarshal(part.raw, part.to); err != nil {
			return a, err
		}
	}
	return a, nil
}

// written is a list as its column keeps it.
func written[T any](list []T) []byte {
	raw, err := json.Marshal(listOf(list))
	if err != nil {
		return []byte("[]") // cannot happen: structs of texts
	}
	return raw
}

func listOf[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// there refuses endpoints and sources that are named anew and do not exist. What
// was named before may have gone since.
func (s *Service) there(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, before, after Activity) error {
	unknown := func(endpoints []uuid.UUID, sources []string, pointer string) error {
		rows, err := s.q.ListUnknown(ctx, tx, endpoints, tenant, sources)
		if err == nil && len(rows) > 0 {
			err = fault.Invalid().At(pointer, "unknown-reference")
		}
		return err
	}
	if err := unknown(without(after.WebhookEndpointIds, before.WebhookEndpointIds), []string{}, "#/webhook_endpoint_ids"); err != nil {
		return err
	}
	return unknown([]uuid.UUID{}, without(after.SourceCodes, before.SourceCodes), "#/source_codes")
}

// without is what of a list is not in another.
func without[T comparable](list, other []T) []T {
	return slices.DeleteFunc(slices.Clone(listOf(list)), func(v T) bool { return slices.Contains(other, v) })
}

// referenced says which member names a purpose that is not in the register.
func referenced(err error) error {
	if pg.Violated(err, "processing_activity_purposes_tenant_id_purpose_id_fkey") {
		return fault.Invalid().At("#/purpose_ids", "unknown-purpose")
	}
	return err
}

func (s *Service) record(ctx context.Context, tx pgx.Tx, kind string, before *Activity, after Activity) error {
	var old map[string]any
	if before != nil {
		old = described(*before)
	}
	changes, err := events.Diff(old, described(after))
	if err != nil {
		return err
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Changes: changes, Subject: events.Subject{Kind: "processing_activity", ID: after.ID, Version: after.Version},
		Facts: map[string]any{"code": after.Code, "status": after.Status},
	})
}

func described(a Activity) map[string]any {
	return map[string]any{
		"code": a.Code, "name": a.Name, "role": a.Role, "status": a.Status, "description": a.Description, "purpose_ids": listOf(a.PurposeIDs),
		"parties": listOf(a.Parties), "person_categories": listOf(a.PersonCategories), "field_classes": listOf(a.FieldClasses),
		"data_categories": listOf(a.DataCategories), "recipients": listOf(a.Recipients), "retention": listOf(a.Retention),
		"security_measures": listOf(a.SecurityMeasures), "processors": listOf(a.Processors), "source_codes": listOf(a.SourceCodes),
		"webhook_endpoint_ids": listOf(a.WebhookEndpointIds), "sends_mail": a.SendsMail,
	}
}
