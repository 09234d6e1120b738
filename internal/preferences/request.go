package preferences

import (
	"context"
	"encoding/hex"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/preferences/internal/preferencesdb"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// perAddress is how many links an hour one address is sent on request, so
	// that nobody's mailbox can be flooded from here.
	perAddress = 3
	// perMail is how many persons at one address are thought of in one mail.
	perMail = 5
)

// Request notes that somebody wants the link to an address. Nothing here looks
// at the register: the runner does, so that the answer takes as long whether or
// not the address is known.
func (s *Service) Request(ctx context.Context, institution uuid.UUID, email, lang string) (string, error) {
	row, err := s.q.ResolveInstitution(ctx, s.db.Unscoped(), institution)
	if pg.IsNoRows(err) {
		return "", fault.NotFound()
	}
	if err != nil {
		return "", err
	}
	normalized, err := contacts.NormalizeEmail(email)
	if err != nil {
		return "", fault.New(fault.Malformed, "invalid-request").At("#/email", "format", "want", "email")
	}
	lang = spoken(&lang, web.Language(ctx))
	return textsFor(lang).requested, pg.InTx(ctx, s.db, row.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		hash, now := s.mac(row.TenantID.String(), normalized), s.clock.Now()
		if err := s.q.LockText(ctx, tx, hex.EncodeToString(hash)); err != nil {
			return err
		}
		n, err := s.q.CountRequests(ctx, tx, row.TenantID, hash, now.Add(-time.Hour))
		if err != nil || n >= perAddress {
			return err
		}
		return s.q.InsertRequest(ctx, tx, preferencesdb.InsertRequestParams{
			TenantID: row.TenantID, ID: ids.New(), Email: &normalized, EmailHash: hash, Language: lang, RequestedAt: now,
		})
	})
}
