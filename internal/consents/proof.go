package consents

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Proof is the document of one entry with the digest kept beside it.
type Proof struct {
	Consent  Consent
	Document map[string]any
	// Intact: the document still has the digest that was stored with the entry.
	Intact bool
}

// Proof makes the document that shows an answer to an authority or a court
// (GDPR art. 7(1)). It is built from rows that nobody can change, so it is the
// same document whatever became of the form, the purpose or the contact.
func (s *Service) Proof(ctx context.Context, id uuid.UUID) (Proof, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Proof{}, err
	}
	c, err := s.Get(ctx, id)
	if err != nil {
		return Proof{}, err
	}
	// Of somebody who was erased the entry stays and its proof does not.
	of, err := s.q.ContactForConsent(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, c.ContactID)
	if err != nil {
		return Proof{}, err
	}
	if of.ErasedAt != nil {
		return Proof{}, fault.New(fault.Gone, "contact-erased")
	}
	var wording *StoredWording
	if c.WordingID != nil {
		w, err := s.q.GetWording(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, *c.WordingID)
		if err != nil {
			return Proof{}, err
		}
		wording = &w
	}
	document, err := proofDocument(c, wording)
	if err != nil {
		return Proof{}, err
	}
	digest, err := documentDigest(document)
	if err != nil {
		return Proof{}, err
	}
	return Proof{Consent: c, Document: document, Intact: bytes.Equal(digest, c.Digest)}, nil
}

// DigestOf is the digest by which an entry is chained to the next, computed from
// everything that the entry proves.
func DigestOf(c Consent, w *StoredWording) ([]byte, error) {
	document, err := proofDocument(c, w)
	if err != nil {
		return nil, err
	}
	return documentDigest(document)
}

func proofDocument(c Consent, w *StoredWording) (map[string]any, error) {
	var purpose, evidence map[string]any
	if err := json.Unmarshal(c.PurposeCopy, &purpose); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(c.Evidence, &evidence); err != nil {
		return nil, err
	}
	var shown any
	if w != nil {
		shown = map[string]any{"text": w.Text, "language": w.Language, "label": w.Label, "sha256": hex.EncodeToString(w.Sha256)}
	}
	return map[string]any{
		"consent_id": c.ID.String(), "contact_id": c.ContactID.String(), "address": optional(c.PointValue),
		"controller": c.ControllerName, "purpose": purpose, "channel": c.Channel, "action": c.Action, "mechanism": c.Mechanism,
		"at": instant(c.OccurredAt), "zone": c.Zone, "recorded_at": instant(c.RecordedAt), "expires_at": instantOrNil(c.ExpiresAt),
		"source": c.Source, "reference": c.Reference, "actor": map[string]any{"kind": c.ActorKind, "id": c.ActorID},
		"wording": shown, "form_id": text(c.FormID), "form_version": optional(c.FormVersion), "url": optional(c.URL),
		"campaign_id": optional(c.CampaignID), "withdrawal_url": optional(c.WithdrawalURL), "evidence": evidence,
		"chain": map[string]any{"sequence": c.Sequence, "previous_digest": hex.EncodeToString(c.PreviousDigest)},
	}, nil
}

// documentDigest is the SHA-256 of the document in canonical form (RFC 8785).
func documentDigest(document map[string]any) ([]byte, error) {
	raw, err := json.Marshal(document)
	if err != nil {
		return nil, err
	}
	canonical, err := jcs.Transform(raw)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(canonical)
	return sum[:], nil
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func instantOrNil(t *time.Time) any {
	if t == nil {
		return nil
	}
	return instant(*t)
}

func optional[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

func text(id *uuid.UUID) any {
	if id == nil {
		return nil
	}
	return id.String()
}
