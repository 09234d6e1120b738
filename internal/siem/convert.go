package siem

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// toAPI tells a forwarder with how far it is behind now.
func (h *Handlers) toAPI(ctx context.Context, f Forwarder) (api.Forwarder, error) {
	health := api.ForwarderHealth{
		Position: f.Place, Delivered: f.Delivered, LastDeliveredAt: web.Nullable(f.LastDeliveredAt), OldestUndeliveredAt: web.Nullable[time.Time](nil),
		FailingSince: web.Nullable(f.FailingSince), LastError: web.Nullable(f.LastError),
	}
	kept, err := h.service.secretOf(ctx, h.service.DB.Tenant(f.TenantID), f)
	if err != nil {
		return api.Forwarder{}, err
	}
	if place, ok := audit.ParsePlace(f.Place); ok {
		waiting, err := h.service.Audit.Follow(pg.WithSight(ctx, pg.Everything()), f.TenantID, place, 1)
		if err != nil {
			return api.Forwarder{}, err
		}
		if len(waiting) > 0 {
			health.OldestUndeliveredAt = web.Nullable(&waiting[0].At)
			health.LagSeconds = max(int64(time.Since(waiting[0].At).Seconds()), 0)
		}
	}
	return api.Forwarder{
		ID: f.ID, Object: api.ForwarderObjectSiemForwarder, Name: f.Name, URL: f.URL, CaCertificates: web.Nullable(f.CaCertificates), ClientCertificate: web.Nullable(f.ClientCertificate),
		HasToken: kept.Token != "", HasClientKey: kept.ClientKey != "", Status: f.Status, Health: health, CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, Version: f.Version,
	}, nil
}

func newOf(in api.ForwarderCreate) New {
	n := New{Name: in.Name, URL: in.URL, CACertificates: in.CaCertificates, ClientCertificate: in.ClientCertificate, FromBeginning: in.Start != nil && *in.Start == api.ForwarderCreateStartBeginning}
	if in.Token != nil {
		n.Token = *in.Token
	}
	if in.ClientKey != nil {
		n.ClientKey = *in.ClientKey
	}
	return n
}

func patchOf(in api.ForwarderPatch) Patch {
	p := Patch{Name: in.Name, URL: in.URL, CACertificates: in.CaCertificates, ClientCertificate: in.ClientCertificate, Token: in.Token, ClientKey: in.ClientKey}
	if in.Status != nil {
		status := string(*in.Status)
		p.Status = &status
	}
	return p
}

func recordToAPI(r record) api.AuditRecord {
	out := api.AuditRecord{
		Timestamp: r.Timestamp, Ecs: api.RecordVersion{Version: r.ECS.Version}, Organization: api.RecordID{ID: r.Organization.ID},
		Event: api.RecordEvent{
			ID: r.Event.ID, Kind: api.RecordEventKindEvent, Dataset: api.RecordEventDatasetParvisAudit, Module: api.RecordEventModuleParvis, Category: r.Event.Category,
			Type: r.Event.Type, Action: r.Event.Action, Outcome: r.Event.Outcome, Sequence: some(r.Event.Sequence),
		},
		Parvis: api.RecordOwn{
			Kind: r.Parvis.Kind, Log: r.Parvis.Log, Position: r.Parvis.Position, ActorKind: some(r.Parvis.ActorKind), Proven: r.Parvis.Proven, Operation: some(r.Parvis.Operation),
			Purpose: some(r.Parvis.Purpose), SubjectKind: some(r.Parvis.SubjectKind), SubjectID: r.Parvis.SubjectID, ContactCount: some(r.Parvis.ContactCount), Repeated: r.Parvis.Repeated,
			ContactIds: web.Map(r.Parvis.ContactIDs, func(id uuid.UUID) uuid.UUID { return id }),
		},
	}
	if r.User != nil {
		out.User = &api.RecordID{ID: r.User.ID}
	}
	if r.Source != nil {
		out.Source = &api.RecordSource{IP: r.Source.IP}
	}
	if r.HTTP != nil {
		out.HTTP = &api.RecordHTTP{}
		if r.HTTP.Request != nil {
			out.HTTP.Request = &api.RecordID{ID: r.HTTP.Request.ID}
		}
		if r.HTTP.Response != nil {
			out.HTTP.Response = &api.RecordStatus{StatusCode: r.HTTP.Response.StatusCode}
		}
	}
	if r.Error != nil {
		out.Error = &api.RecordError{Code: r.Error.Code}
	}
	if r.Rule != nil {
		out.Rule = &api.RecordRule{Name: r.Rule.Name}
	}
	return out
}

// some is a member that is left out when there is nothing to say.
func some[T comparable](v T) *T {
	var nothing T
	if v == nothing {
		return nil
	}
	return &v
}
