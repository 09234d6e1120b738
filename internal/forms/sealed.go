package forms

import (
	"context"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
)

// SealedData describes where what visitors sent is kept: under the institution's
// key, since nobody knows yet who sent it, and forms ask all sorts of things.
func SealedData() vault.Column {
	return vault.Column{
		Table: "form_submissions", Column: "data_sealed", Key: "id", KeyType: "uuid",
		Unsealed: "data_sealed is null and data <> '{}'::jsonb",
		Clear:    "convert_to(data::text, 'UTF8')",
		Emptied:  "data = '{}'",
	}
}

// reveal puts what a visitor sent in its place, if it is still kept.
func (s *Service) reveal(ctx context.Context, db pg.DBTX, sub *Submission) error {
	if sub.DataSealed == nil {
		return nil
	}
	data, err := s.data.Open(ctx, db, sub.TenantID, sub.ID.String(), sub.DataSealed)
	if err == nil {
		sub.Data = data
	}
	return err
}
