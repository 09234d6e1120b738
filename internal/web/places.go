package web

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
)

const (
	placeLasts   = time.Minute
	placeRenewed = 20 * time.Second
)

var errFull = errors.New("web: all places are taken")

// places bounds how much bulk work an institution does at the same time, over
// all processes. A place runs out unless it is renewed, so that a process that
// ends without a word takes none with it.
type places struct {
	db   *pg.DB
	most int
	log  *slog.Logger
	mu   sync.Mutex
	here map[uuid.UUID]int
}

// enter takes a place or fails with errFull. leave gives it back.
func (p *places) enter(ctx context.Context, tenant uuid.UUID) (leave func(), err error) {
	if !p.count(tenant, 1) {
		return nil, errFull
	}
	holder := ids.New()
	taken, err := p.take(ctx, tenant, holder)
	if err != nil || !taken {
		p.count(tenant, -1)
		if err == nil {
			err = errFull
		}
		return nil, err
	}
	held, stop := context.WithCancel(context.WithoutCancel(ctx))
	var renewing sync.WaitGroup
	renewing.Go(func() { p.renew(held, tenant, holder) })
	return func() {
		stop()
		renewing.Wait()
		p.count(tenant, -1)
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerDeadline)
		defer cancel()
		if _, err := p.db.Tenant(tenant).Exec(last, "delete from bulk_places where tenant_id = $1 and holder = $2", tenant, holder); err != nil {
			p.log.WarnContext(last, "a place for bulk work could not be given back; it runs out by itself", "error", err)
		}
	}, nil
}

// count keeps the places of this process, which hold whatever the database says.
func (p *places) count(tenant uuid.UUID, by int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if by > 0 && p.here[tenant] >= p.most {
		return false
	}
	if p.here[tenant] += by; p.here[tenant] == 0 {
		delete(p.here, tenant)
	}
	return true
}

// take tries again where another took the place that it had found free.
func (p *places) take(ctx context.Context, tenant, holder uuid.UUID) (bool, error) {
	for range 3 {
		var free int
		var place *int
		err := p.db.Tenant(tenant).QueryRow(ctx, `
			with free as (
				select n from generate_series(1, $3::integer) n
				where not exists (select 1 from bulk_places b where b.tenant_id = $1 and b.place = n and b.held_until > now())
			), taken as (
				insert into bulk_places as b (tenant_id, place, holder, held_until)
				select $1, n, $2, now() + $4::interval from free order by random() limit 1
				on conflict (tenant_id, place) do update set holder = excluded.holder, held_until = excluded.held_until where b.held_until <= now()
				returning b.place
			)
			select (select count(*) from free), (select place from taken)`, tenant, holder, p.most, placeLasts).Scan(&free, &place)
		switch {
		case errors.Is(err, pgx.ErrNoRows), err == nil && free == 0:
			return false, nil
		case err != nil:
			return false, err
		case place != nil:
			return true, nil
		}
	}
	return false, nil
}

func (p *places) renew(ctx context.Context, tenant, holder uuid.UUID) {
	tick := time.NewTicker(placeRenewed)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if _, err := p.db.Tenant(tenant).Exec(ctx, "update bulk_places set held_until = now() + $3::interval where tenant_id = $1 and holder = $2",
			tenant, holder, placeLasts); err != nil && ctx.Err() == nil {
			p.log.WarnContext(ctx, "a place for bulk work could not be renewed", "error", err)
		}
	}
}
