package audit

import (
	"context"
	"encoding/hex"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// verifyKind is the kind of operation that verifies all chains.
const verifyKind = "audit.verify"

// Verifier verifies the chains of an institution as an operation.
type Verifier struct {
	db         *pg.DB
	service    *Service
	operations *operations.Service
	key        []byte // the installation's, public
}

// NewVerifier makes a verifier and registers its kind of operation. public is
// the key by which this installation signs.
func NewVerifier(db *pg.DB, s *Service, o *operations.Service, public []byte) *Verifier {
	v := &Verifier{db: db, service: s, operations: o, key: public}
	o.Register(verifyKind, v.verify)
	return v
}

// Start starts a verification of the actor's institution.
func (v *Verifier) Start(ctx context.Context) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, v.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		return v.operations.StartTx(ctx, tx, operations.Start{Kind: verifyKind, Unit: "entries", Parameters: struct{}{}})
	})
}

// Verified is the result of a verification.
type Verified struct {
	Intact   bool            `json:"intact"`
	Events   VerifiedEvents  `json:"events"`
	Reads    VerifiedBatches `json:"reads"`
	Refusals VerifiedBatches `json:"refusals"`
}

// VerifiedEvents is what was found of the chain of events.
type VerifiedEvents struct {
	Verified int64          `json:"verified"`
	Erased   int64          `json:"erased"`
	Head     int64          `json:"head"`
	Digest   string         `json:"digest"`
	Break    *VerifiedBreak `json:"first_break"`
}

// VerifiedBatches is what was found of a log that is chained in batches.
type VerifiedBatches struct {
	Batches int64          `json:"batches"`
	Entries int64          `json:"entries"`
	Purged  int64          `json:"purged"`
	Digest  string         `json:"digest"`
	Keys    []VerifiedKey  `json:"keys"`
	Break   *VerifiedBreak `json:"first_break"`
}

// VerifiedKey is a key that has signed; the chain of an institution that came
// from another installation has that one's too.
type VerifiedKey struct {
	PublicKey string `json:"public_key"`
	Own       bool   `json:"own"`
}

// VerifiedBreak is where a chain disagrees: at an event or a batch.
type VerifiedBreak struct {
	Kind string     `json:"kind"`
	At   int64      `json:"at"`
	ID   *uuid.UUID `json:"id"`
}

func (v *Verifier) verify(ctx context.Context, run *operations.Run) (any, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	done, told := int64(0), int64(0)
	tell := func(n int64) {
		if done += n; done-told >= 1000 {
			told = done
			err = run.Progress(ctx, done, nil)
		}
	}
	found, verifyErr := v.service.VerifyAll(ctx, actor.Tenant, func() { tell(1) })
	if verifyErr != nil || err != nil {
		return nil, firstOf(verifyErr, err)
	}
	reads, verifyErr := v.service.VerifyReads(ctx, actor.Tenant, func(n int) { tell(int64(n)) })
	if verifyErr != nil || err != nil {
		return nil, firstOf(verifyErr, err)
	}
	refusals, verifyErr := v.service.VerifyRefusals(ctx, actor.Tenant, func(n int) { tell(int64(n)) })
	if verifyErr != nil || err != nil {
		return nil, firstOf(verifyErr, err)
	}
	return v.result(found, reads, refusals), nil
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (v *Verifier) result(found Report, reads, refusals BatchReport) Verified {
	out := Verified{
		Intact: found.Intact() && reads.Intact() && refusals.Intact(),
		Events: VerifiedEvents{Verified: found.Verified, Erased: found.Erased, Head: found.Head, Digest: hex.EncodeToString(found.Digest)},
		Reads:  v.batches(reads), Refusals: v.batches(refusals),
	}
	if b := found.Break; b != nil {
		out.Events.Break = &VerifiedBreak{Kind: b.Kind, At: b.Sequence, ID: b.EventID}
	}
	return out
}

func (v *Verifier) batches(r BatchReport) VerifiedBatches {
	out := VerifiedBatches{Batches: r.Batches, Entries: r.Entries, Purged: r.Purged, Digest: hex.EncodeToString(r.Digest), Keys: []VerifiedKey{}}
	if b := r.Break; b != nil {
		out.Break = &VerifiedBreak{Kind: b.Kind, At: b.Batch, ID: b.Entry}
	}
	for _, key := range r.Keys {
		out.Keys = append(out.Keys, VerifiedKey{PublicKey: key, Own: key == hex.EncodeToString(v.key)})
	}
	return out
}
