package audit

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/pg"
)

// journal brings entries of one kind from the files in which they are put, off
// the way of any answer, into the database, those too that a killed process
// left. Entries have their ids, so bringing one in twice makes one.
type journal[E any] struct {
	db    *pg.DB
	log   *slog.Logger
	spool spool
	what  string // of what, for the operator

	decode func(io.Reader) (E, error)
	// of tells whose an entry is and how much it weighs besides itself.
	of     func(E) (tenant uuid.UUID, weight int)
	insert func(ctx context.Context, tenant uuid.UUID, entries []E) error
	after  func(ctx context.Context) // when something was brought in

	wake    chan struct{}
	waiting []*segment // cut and not yet written, the oldest first
}

func newJournal[E any](db *pg.DB, log *slog.Logger, what, folder string, most int64) journal[E] {
	return journal[E]{db: db, log: log, what: what, spool: spool{folder: filepath.Clean(folder), most: most}, wake: make(chan struct{}, 1), after: func(context.Context) {}}
}

// put keeps an entry that write makes.
func (j *journal[E]) put(write func(b []byte) []byte) error {
	first, err := j.spool.append(write)
	if first {
		select {
		case j.wake <- struct{}{}:
		default:
		}
	}
	return err
}

// run writes entries until the context ends, then what is left; what the
// database does not take by then stays in the folder for the next start. now and
// then it does what else there is to do.
func (j *journal[E]) run(ctx context.Context, nowAndThen func(ctx context.Context)) error {
	j.bringIn(ctx)
	around := time.NewTicker(lookAround)
	defer around.Stop()
	between := time.NewTicker(sealEvery)
	defer between.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-around.C:
			j.bringIn(ctx)
		case <-between.C:
			nowAndThen(ctx)
		case <-j.wake:
			pause(ctx, collect)
			j.flush(ctx)
		}
	}
	left, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushFor)
	defer cancel()
	j.flush(left)
	return nil
}

// flush writes all that has been put. It does not give up while ctx lasts.
func (j *journal[E]) flush(ctx context.Context) {
	if g := j.spool.cut(); g != nil {
		j.waiting = append(j.waiting, g)
	}
	wait := 100 * time.Millisecond
	for attempt := 1; len(j.waiting) > 0; attempt++ {
		g := j.waiting[0]
		// The work of an ending program is finished, not cut.
		err := j.write(context.WithoutCancel(ctx), g, nil)
		if err == nil {
			err = j.spool.drop(g)
			j.waiting, attempt, wait = j.waiting[1:], 0, 100*time.Millisecond
			if err != nil {
				j.log.ErrorContext(ctx, "a file of a log could not be removed", "log", j.what, "error", err, "file", g.path)
			}
			continue
		}
		if ctx.Err() != nil || attempt >= 5 && !pg.Unreachable(err) {
			j.log.ErrorContext(ctx, "entries of a log could not be written; their file stays for the next start", "log", j.what, "error", err, "file", g.path)
			j.waiting = j.waiting[1:]
			if err := j.spool.leave(g); err != nil {
				j.log.ErrorContext(ctx, "a file of a log could not be closed", "log", j.what, "error", err, "file", g.path)
			}
			continue
		}
		j.log.WarnContext(ctx, "entries of a log could not be written; will try again", "log", j.what, "error", err)
		pause(ctx, wait)
		wait = min(2*wait, retryMost)
	}
	j.after(ctx)
}

// bringIn writes what processes left behind that have ended.
func (j *journal[E]) bringIn(ctx context.Context) {
	left, err := j.spool.leftBehind()
	if err != nil {
		j.log.WarnContext(ctx, "the folder of a log cannot be looked through", "log", j.what, "error", err)
	}
	for _, g := range left {
		// A folder may have served another database. What belongs to an
		// institution that is not in this one waits for its own.
		strangers := 0
		known := map[uuid.UUID]bool{uuid.Nil: true}
		err := j.write(context.WithoutCancel(ctx), g, func(ctx context.Context, tenant uuid.UUID) (bool, error) {
			here, asked := known[tenant]
			if !asked {
				if err := j.db.Tenant(tenant).QueryRow(ctx, "select exists (select from tenants where tenant_id = $1)", tenant).Scan(&here); err != nil {
					return false, err
				}
				known[tenant] = here
			}
			if !here {
				strangers++
			}
			return here, nil
		})
		switch {
		case err != nil:
			j.log.WarnContext(ctx, "entries of a log that were left behind could not be written; will try again", "log", j.what, "error", err, "file", g.path)
			err = g.file.Close()
		case strangers > 0:
			j.log.WarnContext(ctx, "entries of institutions that are not in this database stay in their file", "log", j.what, "file", g.path, "entries", strangers)
			err = g.file.Close()
		default:
			err = j.spool.drop(g)
		}
		if err != nil {
			j.log.ErrorContext(ctx, "a file of a log could not be put away", "log", j.what, "error", err, "file", g.path)
		}
	}
	if len(left) > 0 {
		j.after(ctx)
	}
}

// write brings the entries of a segment into the database, those that wanted,
// if there is one, says yes to.
func (j *journal[E]) write(ctx context.Context, g *segment, wanted func(context.Context, uuid.UUID) (bool, error)) error {
	if _, err := g.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	r := bufio.NewReaderSize(g.file, 64<<10)
	by := map[uuid.UUID][]E{}
	entries, weights := 0, 0
	for {
		e, err := j.decode(r)
		torn := errors.Is(err, errTorn)
		if torn {
			j.log.WarnContext(ctx, "a file of a log ends in the middle of an entry, of whose request there was no answer", "log", j.what, "file", g.path)
		}
		end := torn || errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		tenant, weight := uuid.Nil, 0
		if !end {
			tenant, weight = j.of(e)
		}
		if !end && wanted != nil {
			yes, err := wanted(ctx, tenant)
			if err != nil {
				return err
			}
			if !yes {
				continue
			}
		}
		if !end {
			by[tenant] = append(by[tenant], e)
			entries, weights = entries+1, weights+weight
			if entries < mostWritten && weights < mostSubjects {
				continue
			}
		}
		for tenant, entries := range by {
			if err := j.insert(ctx, tenant, entries); err != nil {
				return err
			}
		}
		if end {
			return nil
		}
		clear(by)
		entries, weights = 0, 0
	}
}
