package connectors

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/connectors/internal/connectorsdb"
	"github.com/parvis-crm/parvis/internal/connectors/port"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// turn is one source's being read, by the process that holds its lease.
type turn struct {
	s       *Service
	worker  uuid.UUID
	row     connectorsdb.ConnectorConnection
	src     source
	db      pg.Scoped
	session port.Session
	d       port.Description
	wakes   int64
	// seen are the records that came in this turn, buried those of them that were
	// refused at last.
	seen, buried map[port.Ref]bool
	// sent is when commands were last sent.
	sent time.Time
}

// take runs the turn of one source to its end and says when the next is.
func (s *Service) take(ctx context.Context, worker, tenant, sourceID uuid.UUID, wakes int64) {
	ctx, cancel := context.WithCancel(web.WithActor(ctx, web.SystemActor(tenant, "connector")))
	defer cancel()
	t := &turn{s: s, worker: worker, db: s.DB.Tenant(tenant), wakes: wakes, seen: map[port.Ref]bool{}, buried: map[port.Ref]bool{}}
	done := make(chan struct{})
	renewed := make(chan struct{})
	go func() { defer close(renewed); s.renew(ctx, cancel, done, worker, tenant, sourceID) }()
	err := t.run(ctx, tenant, sourceID)
	close(done)
	<-renewed
	// How it ended is written even when the program is being stopped.
	late, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer stop()
	if err := t.end(late, tenant, sourceID, err, ctx.Err() != nil); err != nil {
		s.Log.WarnContext(late, "connectors: the end of a turn could not be written; its lease will run out", "source", sourceID, "error", err)
	}
}

// renew keeps the lease while the turn goes on, and ends the turn when another
// process has taken it over.
func (s *Service) renew(ctx context.Context, cancel context.CancelFunc, done <-chan struct{}, worker, tenant, sourceID uuid.UUID) {
	tick := time.NewTicker(s.o.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-done:
			return
		case <-ctx.Done():
			return
		case <-tick.C:
			n, err := s.q.Renew(ctx, s.DB.Tenant(tenant), connectorsdb.RenewParams{LeaseSeconds: s.o.Lease.Seconds(), TenantID: tenant, SourceID: sourceID, Worker: &worker})
			if err == nil && n == 0 {
				cancel()
				return
			}
		}
	}
}

// errIdle: the source is paused, or its connection switched off.
var errIdle = errors.New("connectors: nothing is to be read")

func (t *turn) run(ctx context.Context, tenant, sourceID uuid.UUID) error {
	row, err := t.s.q.GetConnection(ctx, t.db, tenant, sourceID)
	if err != nil {
		return err
	}
	t.row = row
	if t.src, err = t.s.q.FindSource(ctx, t.db, tenant, sourceID.String()); err != nil {
		return err
	}
	if !row.IsEnabled || t.src.Status != "active" {
		return errIdle
	}
	if t.session, err = t.s.turnSession(ctx, t.db, t.src, row); err != nil {
		return err
	}
	t.d = t.s.connectors[row.Connector].Describe()
	if err := t.sendCommands(ctx); err != nil {
		return err
	}
	if err := t.readMessages(ctx); err != nil {
		return err
	}
	if err := t.readStreams(ctx); err != nil {
		return err
	}
	return t.readSingly(ctx)
}

// wanted ends a turn whose source was paused, or whose connection was switched off
// or removed, since it began.
func (t *turn) wanted(ctx context.Context) error {
	wanted, err := t.s.q.IsWanted(ctx, t.db, t.row.TenantID, t.row.SourceID)
	if err == nil && !wanted {
		err = errIdle
	}
	return err
}

// readStreams reads every stream that is due.
func (t *turn) readStreams(ctx context.Context) error {
	rows, err := t.s.q.ListStreams(ctx, t.db, t.row.TenantID, t.row.SourceID)
	if err != nil {
		return err
	}
	present, err := t.s.q.Present(ctx, t.db)
	if err != nil {
		return err
	}
	for _, stream := range t.d.Streams {
		i := slices.IndexFunc(rows, func(r connectorsdb.ConnectorStream) bool { return r.Stream == stream.Name })
		if i < 0 || rows[i].DueAt.After(present) {
			continue
		}
		if err := t.readStream(ctx, stream, rows[i]); err != nil {
			return &streamError{stream.Name, err}
		}
	}
	return nil
}

// streamError says in which stream a turn came to its end.
type streamError struct {
	stream string
	cause  error
}

func (e *streamError) Error() string { return e.stream + ": " + e.cause.Error() }

// Unwrap gives the cause.
func (e *streamError) Unwrap() error { return e.cause }

func (t *turn) readStream(ctx context.Context, stream port.Stream, row connectorsdb.ConnectorStream) error {
	since := port.Since{Token: row.Token, Resume: row.Resume}
	if row.MarkAt != nil {
		since.At = row.MarkAt.Add(-t.s.o.Overlap)
	}
	records := int64(0)
	mark, err := t.session.Changes(ctx, stream.Name, since, func(p port.Page) error {
		if err := t.wanted(ctx); err != nil {
			return err
		}
		if err := t.ingest(ctx, p.Records); err != nil {
			return err
		}
		// A long history does not hold up what the vendor is asked to do.
		if t.s.Clock.Now().Sub(t.sent) > commandsEvery {
			if err := t.sendCommands(ctx); err != nil {
				return err
			}
		}
		records += int64(len(p.Records))
		if p.Resume == "" {
			return nil
		}
		return t.s.q.SaveResume(ctx, t.db, connectorsdb.SaveResumeParams{Worker: &t.worker, Resume: p.Resume, Rewinds: row.Rewinds, TenantID: row.TenantID, SourceID: row.SourceID, Stream: row.Stream})
	})
	if err != nil {
		return err
	}
	p := connectorsdb.SaveMarkParams{Worker: &t.worker, Rewinds: row.Rewinds, Wakes: row.Wakes, TenantID: row.TenantID, SourceID: row.SourceID, Stream: row.Stream, Token: mark.Token, ReadAt: t.s.Clock.Now(), Records: records, Seconds: stream.Every.Seconds()}
	if !mark.At.IsZero() {
		p.MarkAt = &mark.At
	}
	return t.s.q.SaveMark(ctx, t.db, p)
}

// end says what came of the turn and when the next one is.
func (t *turn) end(ctx context.Context, tenant, sourceID uuid.UUID, cause error, stopping bool) error {
	s := t.s
	switch {
	case errors.Is(cause, errIdle), pg.IsNoRows(cause):
		p := connectorsdb.ReleaseIdleParams{TenantID: tenant, SourceID: sourceID, Worker: &t.worker}
		s.forget(sourceID)
		wanted, err := s.q.IsWanted(ctx, t.db, tenant, sourceID)
		if err != nil {
			return err
		}
		if wanted { // again, since the turn saw that it was not
			p.DueAt = new(s.Clock.Now())
		} else if t.row.IsEnabled {
			p.DueAt = new(s.Clock.Now().Add(time.Minute)) // the source is paused: its turn comes when it is not
		}
		return s.q.ReleaseIdle(ctx, t.db, p)
	case cause != nil && stopping:
		now := s.Clock.Now()
		return s.q.ReleaseIdle(ctx, t.db, connectorsdb.ReleaseIdleParams{TenantID: tenant, SourceID: sourceID, Worker: &t.worker, DueAt: &now})
	case cause != nil:
		return t.endBadly(ctx, cause)
	}
	_, err := s.q.ReleaseWell(ctx, t.db, connectorsdb.ReleaseWellParams{TenantID: tenant, SourceID: sourceID, Worker: &t.worker, Wakes: t.wakes, Seconds: s.o.Debounce.Seconds()})
	if err != nil {
		if pg.IsNoRows(err) {
			return nil // another process has it
		}
		return err
	}
	return t.recovered(ctx)
}

// ending is how a turn ended badly: what went wrong, for programs and people, how
// long the vendor asks to wait, and whether nothing is tried again by itself.
type ending struct {
	code, text string
	wait       time.Duration
	stop       bool
}

// ended names what went wrong, for people and programs. The text never holds an
// address, a credential or anything about people.
func ended(cause error) ending {
	var throttled *port.ThrottledError
	var unreachable *port.UnreachableError
	var unexpected *port.UnexpectedError
	var rejected *port.RejectedError
	switch {
	case errors.Is(cause, port.ErrRefused):
		return ending{code: "refused", text: "The vendor refuses the credentials.", stop: true}
	case errors.As(cause, &throttled):
		return ending{code: "throttled", text: throttled.Error(), wait: throttled.Wait}
	case errors.As(cause, &unreachable):
		return ending{code: "unreachable", text: unreachable.Error()}
	case errors.As(cause, &unexpected):
		return ending{code: "unexpected", text: unexpected.Error()}
	case errors.As(cause, &rejected):
		return ending{code: "unexpected", text: rejected.Error()}
	case errors.Is(cause, port.ErrGone):
		return ending{code: "unexpected", text: "The vendor does not know what the settings name."}
	}
	return ending{code: "internal", text: "The program could not go on; its log says why."}
}

func (t *turn) endBadly(ctx context.Context, cause error) error {
	s := t.s
	end := ended(cause)
	if in := (*streamError)(nil); errors.As(cause, &in) {
		end.text = in.stream + ": " + end.text
	}
	if end.code == "internal" {
		s.Log.ErrorContext(ctx, "connectors: a turn failed", "source", t.row.SourceID, "error", cause)
	}
	state, err := s.q.GetState(ctx, t.db, t.row.TenantID, t.row.SourceID)
	if err != nil {
		if pg.IsNoRows(err) {
			return nil
		}
		return err
	}
	wait := max(end.wait, s.backoff(int(state.Failures)))
	if throttled := (*port.ThrottledError)(nil); errors.As(cause, &throttled) {
		wait = throttled.Wait // as the vendor says, and no longer
	}
	after, err := s.q.ReleaseBadly(ctx, t.db, connectorsdb.ReleaseBadlyParams{
		TenantID: t.row.TenantID, SourceID: t.row.SourceID, Worker: &t.worker, Stop: end.stop, Seconds: wait.Seconds(), Error: &end.code, ErrorText: &end.text,
	})
	if pg.IsNoRows(err) {
		return nil
	}
	if err != nil {
		return err
	}
	s.forget(t.row.SourceID)
	if end.stop || (after.Failures >= failingAfter && end.code != "throttled") {
		return t.failing(ctx, end.code)
	}
	return nil
}

// failingAfter is how many turns in a row fail before it is told.
const failingAfter = 3

// backoff doubles from the first pause up to an hour.
func (s *Service) backoff(failures int) time.Duration {
	wait := s.o.Backoff << min(failures, 12)
	return min(wait, time.Hour)
}

// recordsAtOnce bounds what one transaction takes in.
const recordsAtOnce = 100

// ingest takes records in, and keeps those that were refused as dead letters.
func (t *turn) ingest(ctx context.Context, records []port.Record) error {
	for part := range slices.Chunk(records, recordsAtOnce) {
		outcomes, err := t.receive(ctx, part)
		if err != nil {
			return err
		}
		well, refused := map[port.Ref]bool{}, map[port.Ref]bool{}
		for i, o := range outcomes {
			ref := port.Ref{Kind: part[i].Kind, ExternalID: part[i].ExternalID}
			t.seen[ref] = true
			if o.Problem != nil {
				if err := t.bury(ctx, part[i], o.Problem); err != nil {
					return err
				}
				delete(well, ref)
				refused[ref], t.buried[ref] = true, true
				continue
			}
			delete(refused, ref)
			delete(t.buried, ref)
			well[ref] = true
		}
		if err := t.arrived(ctx, well); err != nil {
			return err
		}
		if err := t.dropFetches(ctx, refused); err != nil {
			return err
		}
	}
	return nil
}

// arrived settles what was waiting for these records.
func (t *turn) arrived(ctx context.Context, refs map[port.Ref]bool) error {
	if len(refs) == 0 {
		return nil
	}
	if err := t.dropFetches(ctx, refs); err != nil {
		return err
	}
	kinds, names := split(slices.Collect(maps.Keys(refs)))
	_, err := t.s.q.ResolveDeadLetters(ctx, t.db, connectorsdb.ResolveDeadLettersParams{Kinds: kinds, ExternalIds: names, TenantID: t.row.TenantID, SourceID: t.row.SourceID})
	return err
}

// dropFetches looks for these no more: they came, or they were refused and wait
// among the dead letters for somebody to look.
func (t *turn) dropFetches(ctx context.Context, refs map[port.Ref]bool) error {
	if len(refs) == 0 {
		return nil
	}
	kinds, names := split(slices.Collect(maps.Keys(refs)))
	return t.s.q.DropFetches(ctx, t.db, connectorsdb.DropFetchesParams{Kinds: kinds, ExternalIds: names, TenantID: t.row.TenantID, SourceID: t.row.SourceID})
}

func split(refs []port.Ref) (kinds, names []string) {
	for _, r := range refs {
		kinds, names = append(kinds, r.Kind), append(names, r.ExternalID)
	}
	return kinds, names
}
