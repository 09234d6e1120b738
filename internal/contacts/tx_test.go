package contacts_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
)

func TestWhatOtherDomainsCall(t *testing.T) {
	t.Parallel()
	ctx, db, s, tenant := register(t)
	err := inTx(t, ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := s.CreateTx(ctx, tx, contacts.New{
			Fields:      contacts.Fields{Kind: contacts.Person, GivenName: new("Zoë"), FamilyName: new("Noël")},
			Points:      []contacts.NewPoint{{Kind: contacts.Email, Value: "Zoe.Noel@Example.ORG", Verified: true}, {Kind: contacts.Phone, Value: "01 99 00 12 34"}},
			ExternalIDs: []contacts.NewExternalID{{Source: "billetterie", ExternalID: "42"}},
			Source:      "ticketing:billetterie",
		})
		require.NoError(t, err)
		require.Equal(t, "Zoë Noël", c.DisplayName)
		require.Equal(t, "noel zoe", c.SortName)

		read, err := s.GetTx(ctx, tx, c.ID)
		require.NoError(t, err)
		require.Equal(t, c, read, "what is returned is what is kept")

		found, err := s.FindByExternalIDTx(ctx, tx, "billetterie", "42")
		require.NoError(t, err)
		require.Equal(t, c.ID, found.ID)
		found, err = s.FindByExternalIDTx(ctx, tx, "billetterie", "43")
		require.NoError(t, err)
		require.Nil(t, found)

		normal, err := contacts.NormalizeEmail("zoe.noel@EXAMPLE.org")
		require.NoError(t, err)
		some, err := s.FindByContactPointTx(ctx, tx, contacts.Email, normal)
		require.NoError(t, err)
		require.Len(t, some, 1)
		require.True(t, contacts.NamesCompatible(contacts.NameOf(some[0]), contacts.Name{Given: "ZOE", Family: "Noel"}))

		again, err := s.EnsureContactPointTx(ctx, tx, c.ID, contacts.NewPoint{Kind: contacts.Phone, Value: "+33 (0)1 99 00 12 34"})
		require.NoError(t, err)
		require.Equal(t, "+33199001234", again.Normalized)
		require.True(t, again.IsPrimary)
		second, err := s.EnsureContactPointTx(ctx, tx, c.ID, contacts.NewPoint{Kind: contacts.Email, Value: "zoe@example.org"})
		require.NoError(t, err)
		require.False(t, second.IsPrimary)

		out, err := s.MarkContactPointTx(ctx, tx, second.ID, "opted_out", "désinscription")
		require.NoError(t, err)
		require.Equal(t, "opted_out", out.Status)
		_, err = s.MarkContactPointTx(ctx, tx, second.ID, "bounced", "")
		require.True(t, fault.Is(err, "contact-point-status"))

		_, linked, err := s.AttachExternalIDTx(ctx, tx, c.ID, "lettre", "a-1")
		require.NoError(t, err)
		require.True(t, linked)
		_, linked, err = s.AttachExternalIDTx(ctx, tx, c.ID, "lettre", "a-1")
		require.NoError(t, err)
		require.False(t, linked)

		rows, err := tx.Query(ctx, "select type from events where tenant_id = $1 order by id", tenant)
		require.NoError(t, err)
		types, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Equal(t, []string{"contact.created", "contact_point.added", "contact_point.added", "external_id.linked",
			"contact_point.added", "contact_point.updated", "external_id.linked"}, types)
		return nil
	})
	require.NoError(t, err)
}
