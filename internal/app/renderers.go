package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

// answer renders a record as its own operation does, for full webhook payloads.
type answer func(ctx context.Context, id uuid.UUID, w http.ResponseWriter) error

// webhookRead is by what a record is read that a webhook carries, in the log of
// reads.
const webhookRead = "webhook"

// noted is an answer of which it is noted whose data leaves with it.
type noted struct {
	answer
	reads web.ReadLog
}

// Render implements webhooks.Renderer. What it returns may be sent: that it was
// read, on whose behalf, is in the log.
func (n noted) Render(ctx context.Context, actor web.Actor, kind string, id uuid.UUID) (json.RawMessage, error) {
	return web.Noted(web.WithActor(ctx, actor), n.reads, webhookRead, func(ctx context.Context) (json.RawMessage, error) {
		var p page
		if err := n.answer(ctx, id, &p); err != nil {
			return nil, err
		}
		classes, err := web.ContractClasses()
		if err != nil {
			return nil, err
		}
		return classes.MaskResource(actor, kind, bytes.TrimSpace(p.body.Bytes()))
	})
}

// acting is a principal as it may act now, held to its purposes, for what is
// sent on its behalf.
func (a *App) acting(ctx context.Context, tenant uuid.UUID, kind web.ActorKind, id string, granted web.Scopes) (web.Actor, string, error) {
	actor, ended, err := a.domains.access.Acting(ctx, tenant, kind, id, granted)
	if err != nil || ended != "" {
		return actor, ended, err
	}
	actor, err = web.Bound(ctx, a.domains.register, actor, a.Clock.Now)
	return actor, "", err
}

// renderers are the records that a webhook can carry whole.
func renderers(h handlers) map[string]answer {
	return map[string]answer{
		"contact": func(ctx context.Context, id uuid.UUID, w http.ResponseWriter) error {
			r, err := h.GetContact(ctx, api.GetContactRequestObject{ContactID: id})
			if err != nil {
				return err
			}
			return r.VisitGetContactResponse(w)
		},
		"tag": func(ctx context.Context, id uuid.UUID, w http.ResponseWriter) error {
			r, err := h.GetTag(ctx, api.GetTagRequestObject{TagID: id})
			if err != nil {
				return err
			}
			return r.VisitGetTagResponse(w)
		},
		"order": func(ctx context.Context, id uuid.UUID, w http.ResponseWriter) error {
			r, err := h.GetTicketingOrder(ctx, api.GetTicketingOrderRequestObject{OrderID: id})
			if err != nil {
				return err
			}
			return r.VisitGetTicketingOrderResponse(w)
		},
	}
}

// page is an answer that goes nowhere.
type page struct {
	header http.Header
	body   bytes.Buffer
}

func (p *page) Header() http.Header {
	if p.header == nil {
		p.header = http.Header{}
	}
	return p.header
}
func (p *page) WriteHeader(int)                   {}
func (p *page) Write(content []byte) (int, error) { return p.body.Write(content) }
