package mail

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/vault"
)

// Bodies describes where bodies and further headers are kept: under the
// institution's key, since they carry single-use links and what is written to a
// person.
func Bodies() vault.Column {
	return vault.Column{
		Table: "mails", Column: "body_sealed", Key: "id", KeyType: "uuid",
		Unsealed: "body_text is not null",
		Clear:    "convert_to(jsonb_build_object('text', body_text, 'html', body_html, 'headers', headers)::text, 'UTF8')",
		Emptied:  "body_text = null, body_html = null, headers = '{}'",
	}
}

type body struct {
	Text *string `json:"text"`
	HTML *string `json:"html"`
	// Headers are an object of texts.
	Headers json.RawMessage `json:"headers"`
}

func (s *Service) sealBody(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, m Message) ([]byte, error) {
	headers := m.Headers
	if headers == nil {
		headers = map[string]string{}
	}
	h, err := json.Marshal(headers)
	if err != nil {
		return nil, err
	}
	b := body{Text: &m.Text, Headers: h}
	if m.HTML != "" {
		b.HTML = &m.HTML
	}
	raw, err := json.Marshal(b)
	if err != nil {
		return nil, err
	}
	return s.bodies.Seal(ctx, tx, tenant, id.String(), raw)
}

// openBody puts the body of a mail in its place, if it is still kept.
func (s *Service) openBody(ctx context.Context, m *Mail) error {
	if m.BodySealed == nil {
		return nil
	}
	raw, err := s.bodies.Open(ctx, s.db.Tenant(m.TenantID), m.TenantID, m.ID.String(), m.BodySealed)
	if err != nil {
		return err
	}
	var b body
	if err := json.Unmarshal(raw, &b); err != nil {
		return err
	}
	m.BodyText, m.BodyHtml, m.Headers = b.Text, b.HTML, b.Headers
	return nil
}
