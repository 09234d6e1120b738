package archive

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"

	"github.com/parvis-crm/parvis/internal/events"
)

func unquoted(value []byte) []byte {
	var s string
	if json.Unmarshal(value, &s) != nil {
		return value
	}
	return []byte(s)
}

// storedEvent is a record of data/events.ndjson.
type storedEvent struct {
	ID             uuid.UUID       `json:"id"`
	Type           string          `json:"type"`
	SubjectKind    string          `json:"subject_kind"`
	SubjectID      uuid.UUID       `json:"subject_id"`
	SubjectVersion int64           `json:"subject_version"`
	OccurredAt     time.Time       `json:"occurred_at"`
	ActorKind      string          `json:"actor_kind"`
	ActorID        string          `json:"actor_id"`
	RequestID      string          `json:"request_id"`
	Source         string          `json:"source"`
	Changed        []string        `json:"changed"`
	Facts          json.RawMessage `json:"facts"`
	ChangesDigest  *string         `json:"changes_digest"`
}

type link struct {
	line     int64
	Sequence int64     `json:"sequence"`
	EventID  uuid.UUID `json:"event_id"`
	Digest   string    `json:"digest"`
}

// verifyChain follows the chain of digests from its beginning to the head that
// the manifest gives, and compares kept changes with the digest in their event.
// Events lie in the order of their identifiers, which is nearly the order of
// their numbers; those that come early wait for their turn.
func verifyChain(ctx context.Context, a *Archive) (int64, error) {
	if _, ok := a.Dictionary.Find("events"); !ok {
		return 0, nil
	}
	tenant, err := uuid.Parse(a.Manifest.Tenant.ID)
	if err != nil {
		return 0, flaw(ManifestPath, 0, "the tenant has no valid identifier")
	}
	links := make(chan link, 256)
	linksEnd := make(chan error, 1)
	stop := make(chan struct{})
	defer close(stop)
	stopped := errors.New("stopped")
	go func() {
		defer close(links)
		linksEnd <- a.Lines(ctx, "event_sequence", func(line int64, record []byte) error {
			l := link{line: line}
			if err := json.Unmarshal(record, &l); err != nil {
				return flaw(DataPath("event_sequence"), line, "is not a record of the chain")
			}
			select {
			case links <- l:
				return nil
			case <-stop:
				return stopped
			}
		})
	}()
	c := chain{tenant: tenant, test: a.Manifest.Tenant.Mode == "test", digest: make([]byte, sha256.Size), waiting: newWaiting(), links: links}
	defer c.waiting.close()
	err = a.Lines(ctx, "events", func(line int64, record []byte) error {
		e, err := c.stored(record)
		if err != nil {
			return flaw(DataPath("events"), line, "is not an event: %v", err)
		}
		if err := c.waiting.add(e.ID, record); err != nil {
			return err
		}
		return c.follow()
	})
	if err != nil {
		return c.sequence, err
	}
	if err := c.follow(); err != nil {
		return c.sequence, err
	}
	if c.pending != nil {
		return c.sequence, flaw(DataPath("event_sequence"), c.pending.line, "numbers an event that is not there")
	}
	if err := <-linksEnd; err != nil {
		return c.sequence, err
	}
	head := a.Manifest.EventLog
	if c.sequence != head.Sequence || hex.EncodeToString(c.digest) != head.Digest {
		return c.sequence, flaw(DataPath("event_sequence"), 0, "ends at event %d; the head of the log is %d, or has another digest", c.sequence, head.Sequence)
	}
	if int64(c.waiting.len()) != head.Waiting {
		return c.sequence, flaw(DataPath("events"), 0, "%d events have no number; the manifest says %d", c.waiting.len(), head.Waiting)
	}
	return c.sequence, verifyChanges(ctx, a)
}

type chain struct {
	tenant   uuid.UUID
	test     bool
	sequence int64
	digest   []byte
	waiting  *waiting
	pending  *link
	links    <-chan link
}

func (c *chain) stored(record []byte) (events.Stored, error) {
	var r storedEvent
	if err := json.Unmarshal(record, &r); err != nil {
		return events.Stored{}, err
	}
	e := events.Stored{
		ID: r.ID, Tenant: c.tenant, Type: r.Type, SubjectKind: r.SubjectKind, SubjectID: r.SubjectID, SubjectVersion: r.SubjectVersion,
		OccurredAt: r.OccurredAt, ActorKind: r.ActorKind, ActorID: r.ActorID, RequestID: r.RequestID, Source: r.Source,
		Changed: r.Changed, Facts: r.Facts, Test: c.test,
	}
	if r.ChangesDigest != nil {
		var err error
		if e.ChangesDigest, err = base64.StdEncoding.DecodeString(*r.ChangesDigest); err != nil {
			return e, err
		}
	}
	return e, nil
}

// follow goes along the chain as far as the events read so far allow.
func (c *chain) follow() error {
	for {
		if c.pending == nil {
			l, ok := <-c.links
			if !ok {
				return nil
			}
			c.pending = &l
		}
		record, ok, err := c.waiting.take(c.pending.EventID)
		if err != nil || !ok {
			return err
		}
		e, err := c.stored(record)
		if err != nil {
			return err
		}
		if c.pending.Sequence != c.sequence+1 {
			return flaw(DataPath("event_sequence"), c.pending.line, "has number %d where %d is expected", c.pending.Sequence, c.sequence+1)
		}
		digest, err := events.Chain(c.digest, e.Envelope(c.pending.Sequence))
		if err != nil {
			return err
		}
		if base64.StdEncoding.EncodeToString(digest) != c.pending.Digest {
			return flaw(DataPath("event_sequence"), c.pending.line, "the digest does not follow from the event and the digest before it")
		}
		c.digest, c.sequence = digest, c.pending.Sequence
		c.pending = nil
	}
}

// verifyChanges compares kept changes with the digest that their event carries.
// Both files are sorted by the event's identifier.
func verifyChanges(ctx context.Context, a *Archive) error {
	type wanted struct {
		id     uuid.UUID
		digest *string
	}
	feed := make(chan wanted, 256)
	end := make(chan error, 1)
	stop := make(chan struct{})
	stopped := errors.New("stopped")
	go func() {
		defer close(feed)
		end <- a.Lines(ctx, "events", func(_ int64, record []byte) error {
			var e struct {
				ID            uuid.UUID `json:"id"`
				ChangesDigest *string   `json:"changes_digest"`
			}
			if err := json.Unmarshal(record, &e); err != nil {
				return err
			}
			select {
			case feed <- wanted{e.ID, e.ChangesDigest}:
				return nil
			case <-stop:
				return stopped
			}
		})
	}()
	file := DataPath("event_changes")
	err := a.Lines(ctx, "event_changes", func(line int64, record []byte) error {
		var c struct {
			EventID uuid.UUID       `json:"event_id"`
			Changes json.RawMessage `json:"changes"`
		}
		if err := json.Unmarshal(record, &c); err != nil {
			return flaw(file, line, "is not a record of changes")
		}
		for e := range feed {
			if order := bytes.Compare(e.id[:], c.EventID[:]); order > 0 {
				break
			} else if order < 0 {
				continue
			}
			canonical, err := jcs.Transform(c.Changes)
			if err != nil {
				return flaw(file, line, "cannot be read")
			}
			sum := sha256.Sum256(canonical)
			if e.digest == nil || *e.digest != base64.StdEncoding.EncodeToString(sum[:]) {
				return flaw(file, line, "is not what its event recorded: the digest differs")
			}
			return nil
		}
		return flaw(file, line, "belongs to no event")
	})
	close(stop)
	if endErr := <-end; err == nil && endErr != nil && !errors.Is(endErr, stopped) {
		err = endErr
	}
	return err
}
