package connectors

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// acceptWithin bounds how long a vendor waits for our answer when the database
	// is slow: it calls again, and the next reading finds the change anyway.
	acceptWithin = 250 * time.Millisecond
	// routeFor is how long a hook address is remembered.
	routeFor = 10 * time.Second
)

// route is what a hook address leads to.
type route struct {
	tenant, source uuid.UUID
	connector      string
	session        port.Session
	until          time.Time
}

// routes remembers hook addresses, so that a burst of calls costs one look-up.
type routes struct {
	mu    sync.Mutex
	known map[[32]byte]route
}

func (r *routes) get(hash [32]byte, now time.Time) (route, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	out, ok := r.known[hash]
	if ok && now.After(out.until) {
		delete(r.known, hash)
		return route{}, false
	}
	return out, ok
}

func (r *routes) put(hash [32]byte, to route) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.known[hash] = to
}

func (r *routes) forget(source uuid.UUID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for hash, to := range r.known {
		if to.source == source {
			delete(r.known, hash)
		}
	}
}

// Accept keeps a call of a vendor and makes its source due. It reports whether
// the call was new.
func (s *Service) Accept(ctx context.Context, connector, key string, in web.Inbound) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, acceptWithin)
	defer cancel()
	fresh, err := s.accept(ctx, connector, key, in)
	if err != nil && ctx.Err() != nil {
		f := fault.New(fault.Unavailable, "unavailable").Because(err)
		f.RetryAfter = 5 * time.Second
		return false, f
	}
	return fresh, err
}

func (s *Service) accept(ctx context.Context, connector, key string, in web.Inbound) (bool, error) {
	to, err := s.routeOf(ctx, key)
	if err != nil {
		return false, err
	}
	if to.connector != connector {
		return false, fault.NotFound()
	}
	h := port.Hook{Header: in.Header, Body: in.Body, User: in.User, Password: in.Password, At: s.Clock.Now()}
	delivery, err := to.session.VerifyHook(h)
	if errors.Is(err, port.ErrForged) {
		return false, fault.New(fault.Unauthenticated, "hook-forged").Header("WWW-Authenticate", `Basic realm="hooks"`)
	}
	if err != nil {
		return false, err
	}
	ctx = web.WithActor(ctx, web.SystemActor(to.tenant, "connector"))
	db := s.DB.Tenant(to.tenant)
	id := ids.New()
	raw, err := json.Marshal(message{Header: keptHeaders(in.Header), Body: in.Body})
	if err != nil {
		return false, err
	}
	sealed, err := s.Messages.Seal(ctx, db, to.tenant, id.String(), raw)
	if err != nil {
		return false, err
	}
	p := connectorsdb.InsertMessageParams{
		TenantID: to.tenant, SourceID: to.source, ID: id, Connector: to.connector, ContentType: web.ClipBytes(in.ContentType, 200),
		Body: sealed, Size: int32(len(in.Body)), Seconds: s.o.Debounce.Seconds(),
	}
	if delivery != "" {
		delivery = web.ClipBytes(delivery, 200)
		p.Delivery = &delivery
	}
	n, err := s.q.InsertMessage(ctx, db, p)
	if err != nil {
		return false, err
	}
	return n > 0, nil
}

// keptHeaders are those that say something of the message. Credentials are not
// kept.
func keptHeaders(h http.Header) map[string][]string {
	out := map[string][]string{}
	for name, values := range h {
		switch name {
		case "Authorization", "Cookie", "Proxy-Authorization":
		default:
			out[name] = values
		}
	}
	return out
}

func (s *Service) routeOf(ctx context.Context, key string) (route, error) {
	hash := sha256.Sum256([]byte(key))
	now := s.Clock.Now()
	if to, ok := s.routes.get(hash, now); ok {
		return to, nil
	}
	var to route
	err := s.DB.Unscoped().QueryRow(ctx, "select tenant_id, source_id from resolve_connector_hook($1)", hash[:]).Scan(&to.tenant, &to.source)
	if pg.IsNoRows(err) {
		return to, fault.NotFound()
	}
	if err != nil {
		return to, err
	}
	ctx = web.WithActor(ctx, web.SystemActor(to.tenant, "connector"))
	db := s.DB.Tenant(to.tenant)
	row, err := s.q.GetConnection(ctx, db, to.tenant, to.source)
	if err != nil {
		return to, err
	}
	src, err := s.q.FindSource(ctx, db, to.tenant, to.source.String())
	if err != nil {
		return to, err
	}
	if to.session, err = s.open(ctx, db, src, row); err != nil {
		return to, err
	}
	to.connector, to.until = row.Connector, now.Add(routeFor)
	s.routes.put(hash, to)
	return to, nil
}
