package consents

import (
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(c Consent) api.Consent {
	out := api.Consent{
		ID: c.ID, Object: api.ConsentObjectConsent, ContactID: c.ContactID, ContactPointID: web.Nullable(c.ContactPointID), AddressID: web.Nullable(c.AddressID),
		PurposeID: c.PurposeID, Channel: c.Channel, Controller: named(c.Controller), Action: c.Action, At: c.OccurredAt, Zone: c.Zone,
		RecordedAt: c.RecordedAt, CreatedAt: c.RecordedAt, UpdatedAt: c.RecordedAt, ExpiresAt: web.Nullable(c.ExpiresAt),
		Source: c.Source, Reference: c.Reference, Actor: api.Actor{Kind: c.ActorKind, ID: c.ActorID}, Mechanism: c.Mechanism,
		WordingID: web.Nullable(c.WordingID), FormID: web.Nullable(c.FormID), FormVersion: web.Nullable(c.FormVersion), URL: web.Nullable(c.URL),
		CampaignID: web.Nullable(c.CampaignID), WithdrawalURL: web.Nullable(c.WithdrawalURL), Evidence: map[string]any{},
		Sequence: c.Sequence, Digest: hex.EncodeToString(c.Digest), Version: 1,
	}
	// Both were written by us as objects.
	_ = json.Unmarshal(c.Evidence, &out.Evidence)
	var purpose struct{ Code string }
	_ = json.Unmarshal(c.PurposeCopy, &purpose)
	out.Purpose = purpose.Code
	return out
}

func stateToAPI(s State) api.ConsentState {
	return api.ConsentState{
		Purpose: s.Purpose, Channel: s.Channel, Controller: named(s.Controller), ContactPointID: web.Nullable(s.Point), AddressID: web.Nullable(s.Address),
		State: s.State, Since: s.Since, ExpiresAt: web.Nullable(s.ExpiresAt), ConsentID: s.Consent,
	}
}

func proofToAPI(p Proof) api.ConsentProof {
	return api.ConsentProof{
		Object: api.ConsentProofObjectConsentProof, ConsentID: p.Consent.ID, Document: p.Document, Algorithm: "SHA-256 over RFC 8785",
		Digest: hex.EncodeToString(p.Consent.Digest), Intact: p.Intact,
	}
}

func purposeToAPI(p Purpose) api.Purpose {
	return api.Purpose{
		ID: p.ID, Object: api.PurposeObjectPurpose, Code: p.Code, Name: p.Name, LegalBasis: p.LegalBasis, Description: web.Nullable(p.Description),
		ArchivedAt: web.Nullable(p.ArchivedAt), CreatedAt: p.CreatedAt, UpdatedAt: p.UpdatedAt, Version: p.Version,
	}
}

func wordingToAPI(w StoredWording) api.ConsentWording {
	return api.ConsentWording{
		ID: w.ID, Object: api.ConsentWordingObjectConsentWording, Text: w.Text, Language: w.Language, Label: w.Label,
		Sha256: hex.EncodeToString(w.Sha256), CreatedAt: w.CreatedAt, UpdatedAt: w.CreatedAt, Version: 1,
	}
}

func entry(contact uuid.UUID, in api.ConsentCreate) Entry {
	out := Entry{
		Contact: contact, Purpose: in.Purpose, Channel: string(in.Channel), Action: string(in.Action), Mechanism: string(in.Mechanism),
		ContactPoint: in.ContactPointID, PostalAddress: in.AddressID, Controller: deref(in.Controller), Zone: deref(in.Zone), ExpiresAt: in.ExpiresAt,
		Source: deref(in.Source), Reference: deref(in.Reference), WordingID: in.WordingID, FormID: in.FormID, FormVersion: in.FormVersion,
		URL: in.URL, CampaignID: in.CampaignID, WithdrawalURL: in.WithdrawalURL,
	}
	if in.At != nil {
		out.When = *in.At
		if out.When.IsZero() { // stated, and as impossible as the next instant: none means now
			out.When = out.When.Add(time.Microsecond)
		}
	}
	if in.Wording != nil {
		out.Wording = &Wording{Text: in.Wording.Text, Language: in.Wording.Language, Label: in.Wording.Label}
	}
	if e := in.Evidence; e != nil {
		out.Evidence = Evidence{
			Identity: e.Identity, IP: deref(e.IP), UserAgent: deref(e.UserAgent), SubmittedAt: e.SubmittedAt, ConfirmedAt: e.ConfirmedAt, Note: deref(e.Note),
		}
	}
	return out
}

func filter(p api.ListConsentsParams) Filter {
	return Filter{
		Purpose: p.Purpose, RecordedFrom: p.RecordedAtGte, RecordedBefore: p.RecordedAtLt,
		Channels: web.Map(p.Channel, func(c api.ListConsentsParamsChannel) string { return string(c) }),
		Actions:  web.Map(p.Action, func(a api.ListConsentsParamsAction) string { return string(a) }),
	}
}

func purposeChange(in api.PurposePatch) PurposeChange {
	out := PurposeChange{Name: in.Name, Archived: in.Archived}
	if in.LegalBasis != nil {
		basis := string(*in.LegalBasis)
		out.LegalBasis = &basis
	}
	if in.Description.IsSpecified() {
		var text *string
		if value, err := in.Description.Get(); err == nil {
			text = &value
		}
		out.Description = &text
	}
	return out
}

func named(controller string) nullable.Nullable[string] {
	if controller == "" {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(controller)
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
