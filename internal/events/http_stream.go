package events

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	pingEvery = 15 * time.Second
	// streamFor bounds the life of a stream, and so how long a credential that
	// was withdrawn still reads.
	streamFor = 10 * time.Minute
	// streamPage is how much of the log a stream holds in memory.
	streamPage = 100
	// patience is how long one write may wait for a reader that takes nothing.
	patience = 30 * time.Second
)

// stream writes a tenant's log as server-sent events (WHATWG HTML §9.2). It
// reads the database at the pace of its reader: what is not taken is not read.
type stream struct {
	service *Service
	ctx     context.Context
	tenant  uuid.UUID
	after   int64
	filter  Filter
	ping    time.Duration
	actor   web.Actor
}

var _ api.StreamEventsResponseObject = stream{}

// newStream decides where the reading begins: after what the reader has, or
// after what there is now.
func (s *Service) newStream(ctx context.Context, tenant uuid.UUID, lastID *string, after *int64, f Filter) (stream, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return stream{}, err
	}
	out := stream{service: s, ctx: ctx, tenant: tenant, filter: f, ping: s.ping, actor: actor}
	head, err := s.head(ctx, s.db.Tenant(tenant), tenant)
	switch {
	case err != nil:
		return out, err
	case lastID != nil:
		if *lastID == "" || strings.Trim(*lastID, "0123456789") != "" {
			return out, fault.New(fault.Malformed, "invalid-request").AtHeader("Last-Event-ID", "format", "want", "integer")
		}
		out.after, _ = strconv.ParseInt(*lastID, 10, 64) // one that is too great for us is the greatest
		if f := beyond(out.after, head); f != nil {
			return out, f.AtHeader("Last-Event-ID", "too-big", "limit", head)
		}
	case after != nil:
		out.after = *after
		if f := beyond(out.after, head); f != nil {
			return out, f.AtParameter("after", "too-big", "limit", head)
		}
	default:
		out.after = head
	}
	return out, nil
}

// VisitStreamEventsResponse implements api.StreamEventsResponseObject. It
// returns nil once the answer has begun: a stream has no other way to fail than
// to end, and its reader goes on from the last id.
func (s stream) VisitStreamEventsResponse(w http.ResponseWriter) error {
	bell, done := s.service.hub.Subscribe(s.tenant)
	defer done()
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold events back
	w.WriteHeader(http.StatusOK)
	control := http.NewResponseController(w)
	send := func(text []byte) bool {
		_ = control.SetWriteDeadline(clock.Mark().Add(patience))
		_, err := w.Write(text)
		return err == nil && control.Flush() == nil
	}
	if !send([]byte("retry: 1000\n\n")) {
		return nil
	}
	end := time.NewTimer(streamFor)
	defer end.Stop()
	ping := time.NewTicker(s.ping)
	defer ping.Stop()
	told := s.after
	for {
		r, err := s.service.Read(s.ctx, s.tenant, s.after, s.filter, streamPage)
		if err != nil {
			return nil
		}
		s.after = r.Next
		if len(r.Events) > 0 {
			text, err := frames(s.actor, r.Events)
			if err != nil || !send(text) {
				return nil
			}
			told = r.Events[len(r.Events)-1].Sequence
		}
		wait := bell
		if r.Next < r.Head {
			wait = closedBell // there is more to read at once
		}
		select {
		case <-wait:
		case <-ping.C:
			if !send(pingFrame(told, s.after)) {
				return nil
			}
			told = s.after
		case <-end.C:
			return nil
		case <-s.service.hub.Closed():
			return nil
		case <-s.ctx.Done():
			return nil
		}
		select {
		case <-s.service.hub.Closed():
			return nil
		default:
		}
	}
}

// closedBell never waits.
var closedBell = func() <-chan uuid.UUID {
	c := make(chan uuid.UUID)
	close(c)
	return c
}()

// pingFrame keeps proxies from cutting a quiet connection. An id without data
// moves the reader's position past what its filter left out.
func pingFrame(told, position int64) []byte {
	if position > told {
		return fmt.Appendf(nil, ": ping\nid: %d\n\n", position)
	}
	return []byte(": ping\n\n")
}

func frames(actor web.Actor, page []Envelope) ([]byte, error) {
	var out []byte
	for _, e := range page {
		data, err := e.ForReader(actor).form()
		if err != nil {
			return nil, err
		}
		out = fmt.Appendf(out, "id: %d\nevent: %s\ndata: %s\n\n", e.Sequence, e.Type, data)
	}
	return out, nil
}
