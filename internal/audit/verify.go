package audit

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// The ways in which a log can disagree with itself.
const (
	NumberMissing   = "number-missing"   // the sequence has a hole
	EventMissing    = "event-missing"    // a number names an event that is not there
	EventAltered    = "event-altered"    // an event, or the digest kept for it, was changed
	ChangesAltered  = "changes-altered"  // the values before and after were changed
	ChangesAdded    = "changes-added"    // an event has values that it did not have
	HeadAltered     = "head-altered"     // the head is not the last event
	EventUnnumbered = "event-unnumbered" // an event was put beside the sequence
)

// Break is the first place where the log disagrees with itself.
type Break struct {
	Sequence int64
	EventID  *uuid.UUID
	Kind     string
}

// Report is what a verification found.
type Report struct {
	From, To int64 // To < From: nothing there yet
	Head     int64
	Verified int64 // events that agree with the chain
	Erased   int64 // of these, events whose values erasure has removed
	Break    *Break
	Digest   []byte // at the last event that agrees
	NextFrom *int64
}

// Intact reports whether no break was found.
func (r *Report) Intact() bool { return r.Break == nil }

// Service verifies, and reads the access log.
type Service struct {
	log   *events.Service
	reads *readStore
}

var errBroken = errors.New("audit: the log is broken")

// Verify computes the chain of a tenant from … to again (to nil: the head), at
// most limit events (0: all), in bounded memory. progress, if given, hears of
// every event. What it cannot see is a chain rewritten as a whole, from the
// altered event to the head: compare Report.Digest with one kept elsewhere. The
// whole log is looked at, whoever asks: what is out of somebody's sight is not
// missing, and a report has no content.
func (s *Service) Verify(ctx context.Context, tenant uuid.UUID, from int64, to *int64, limit int64, progress func()) (Report, error) {
	ctx = pg.WithSight(ctx, pg.Everything())
	if to != nil && *to < from {
		return Report{}, fault.Invalid().AtParameter("to", "too-small", "limit", from)
	}
	head, headDigest, err := s.log.Head(ctx, tenant)
	if err != nil {
		return Report{}, err
	}
	if from > head+1 {
		return Report{}, fault.Invalid().AtParameter("from", "too-big", "limit", head+1)
	}
	wanted := head
	if to != nil {
		wanted = min(head, *to)
	}
	r := Report{From: from, To: wanted, Head: head}
	if limit > 0 && wanted-from+1 > limit {
		r.To = from + limit - 1
		next := r.To + 1
		r.NextFrom = &next
	}
	if r.Digest, err = s.log.DigestAt(ctx, tenant, from-1); err != nil {
		return Report{}, err
	}
	if r.Digest == nil {
		r.Digest, r.Break = []byte{}, &Break{Sequence: from - 1, Kind: NumberMissing}
		return r, nil
	}
	err = s.log.Walk(ctx, tenant, from, r.To, func(l events.Link) error {
		if progress != nil {
			progress()
		}
		return r.take(l)
	})
	if err != nil && !errors.Is(err, errBroken) {
		return Report{}, err
	}
	next := from + r.Verified
	switch {
	case r.Break != nil:
	case next <= r.To:
		r.Break = &Break{Sequence: next, Kind: NumberMissing}
	case r.To == head && !bytes.Equal(r.Digest, headDigest):
		r.Break = &Break{Sequence: head, Kind: HeadAltered}
	}
	if r.Break != nil {
		r.To, r.NextFrom = r.Break.Sequence, nil
	}
	return r, nil
}

// VerifyAll verifies a tenant's whole log, and that no event lies beside it.
func (s *Service) VerifyAll(ctx context.Context, tenant uuid.UUID, progress func()) (Report, error) {
	r, err := s.Verify(ctx, tenant, 1, nil, 0, progress)
	if err != nil || !r.Intact() {
		return r, err
	}
	stray, err := s.log.Unnumbered(pg.WithSight(ctx, pg.Everything()), tenant)
	if stray != nil {
		r.Break = &Break{EventID: stray, Kind: EventUnnumbered}
	}
	return r, err
}

// take checks one link against the chain so far.
func (r *Report) take(l events.Link) error {
	expected := r.From + r.Verified
	broken := func(kind string) error {
		r.Break = &Break{Sequence: l.Sequence, EventID: &l.EventID, Kind: kind}
		return errBroken
	}
	if l.Sequence != expected {
		r.Break = &Break{Sequence: expected, Kind: NumberMissing}
		return errBroken
	}
	if l.Event == nil {
		return broken(EventMissing)
	}
	digest, err := events.Chain(r.Digest, *l.Event)
	if err != nil || !bytes.Equal(digest, l.Digest) {
		return broken(EventAltered)
	}
	switch kept := l.Event.ChangesDigest; {
	case l.Changes != nil && kept == nil:
		return broken(ChangesAdded)
	case l.Changes != nil:
		have, err := events.ChangesDigest(l.Changes)
		if err != nil || hex.EncodeToString(have) != *kept {
			return broken(ChangesAltered)
		}
	case kept != nil:
		r.Erased++
	}
	r.Digest = digest
	r.Verified++
	return nil
}
