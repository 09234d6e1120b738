package access

import (
	"context"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
)

// A directory makes and ends users for the institution. It gives no right: what
// a user may do is decided here, so there is nothing of which it could give more
// than it has.

// DirectoryUser is what a directory says of a user.
type DirectoryUser struct {
	Email, Name, Locale string
	Active              bool
}

// AddDirectoryUserTx adds a user without rights.
func (s *Service) AddDirectoryUserTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, in DirectoryUser) (User, error) {
	u, err := s.q.InsertUser(ctx, tx, accessdb.InsertUserParams{
		TenantID: tenant, ID: ids.New(), Email: strings.ToLower(in.Email), Name: in.Name, Locale: orElse(in.Locale, "fr"), Scopes: []string{},
	})
	if pg.IsNoRows(err) {
		return User{}, s.emailTaken(ctx, tx, tenant, strings.ToLower(in.Email))
	}
	if err != nil {
		return User{}, err
	}
	changes, err := events.Diff(nil, recordOfUser(u))
	if err != nil {
		return User{}, err
	}
	if err := recordUser(ctx, tx, "user.created", u, changes); err != nil || in.Active {
		return u, err
	}
	return s.ChangeDirectoryUserTx(ctx, tx, u, in)
}

// LockUserTx reads a user who is about to be changed.
func (s *Service) LockUserTx(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID) (User, error) {
	return s.q.LockUser(ctx, tx, tenant, id)
}

// ChangeDirectoryUserTx makes a locked user what the directory says. Whoever
// may act no more may not from now on, whatever they hold.
func (s *Service) ChangeDirectoryUserTx(ctx context.Context, tx pgx.Tx, before User, in DirectoryUser) (User, error) {
	told := before
	told.Email, told.Name = strings.ToLower(in.Email), in.Name
	if in.Locale != "" {
		told.Locale = in.Locale
	}
	told, err := s.writeUser(ctx, tx, "user.updated", before, told)
	if err != nil {
		return User{}, userConflict(err)
	}
	after, event := told, "user.reactivated"
	after.Status = "active"
	if !in.Active {
		after.Status, event = "deactivated", deactivated
	}
	if after.Status == told.Status {
		return told, nil
	}
	after, err = s.writeUser(ctx, tx, event, told, after)
	if err != nil || event != deactivated {
		return after, userConflict(err)
	}
	left, err := s.belongings(ctx, tx, after.TenantID, after.ID)
	if err != nil {
		return User{}, err
	}
	// Restricted contacts, which the directory does not see, have to be handed over
	// too: they count for whether somebody is told, and are not told of.
	whole := left
	if err := pg.AsEverything(ctx, tx, func(ctx context.Context) (err error) {
		whole, err = s.belongings(ctx, tx, after.TenantID, after.ID)
		return err
	}); err != nil || !whole.ForSomebody() {
		return after, err
	}
	return after, s.leaving(ctx, tx, after, left)
}

// DropDirectScopesTx takes from a user what was given to them directly, when
// they leave.
func (s *Service) DropDirectScopesTx(ctx context.Context, tx pgx.Tx, before User) (User, error) {
	after := before
	after.Scopes = []string{}
	return s.writeUser(ctx, tx, "user.updated", before, after)
}
