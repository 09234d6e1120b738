package forms

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/web"
)

// EraseTx empties what erased contacts sent by forms (GDPR art. 17): that there
// was a submission, of which form and when, stays. What came from their e-mail
// addresses and waits to be confirmed goes too, where the name is theirs or none
// was given: applied later it would bring the person back. It is called while
// their names are still known.
func (s *Service) EraseTx(ctx context.Context, tx pgx.Tx, e contacts.Erasing) (int64, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return 0, err
	}
	hashes := [][]byte{}
	for _, address := range e.Reached(contacts.Email) {
		hashes = append(hashes, s.mac("email", actor.Tenant.String(), address))
	}
	rows, err := s.q.ListSubmissionsOf(ctx, tx, actor.Tenant, e.IDs(), hashes)
	if err != nil {
		return 0, err
	}
	gone := []uuid.UUID{}
	for _, row := range rows {
		sub := row
		theirs := sub.ContactID != nil
		if !theirs {
			if theirs, err = s.isOf(ctx, tx, sub, e); err != nil {
				return 0, err
			}
		}
		if theirs {
			gone = append(gone, sub.ID)
		}
	}
	return s.q.EraseSubmissions(ctx, tx, actor.Tenant, gone)
}

// isOf reports whether a submission that has led to nobody says a name that can
// be one of the family's, or none.
func (s *Service) isOf(ctx context.Context, tx pgx.Tx, sub Submission, e contacts.Erasing) (bool, error) {
	v, err := s.q.GetFormVersion(ctx, tx, sub.TenantID, sub.FormID, sub.FormVersion)
	if err != nil {
		return false, err
	}
	var d Definition
	var data map[string]any
	if err := json.Unmarshal(v.Definition, &d); err != nil {
		return false, err
	}
	if err := s.reveal(ctx, tx, &sub); err != nil {
		return false, err
	}
	if err := json.Unmarshal(sub.Data, &data); err != nil {
		return false, err
	}
	return mayBe(e.Family, personOf(d, data)), nil
}
