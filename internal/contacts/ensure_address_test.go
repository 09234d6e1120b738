package contacts_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/fault"
)

func TestAddressIsAddedOnceHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	ctx, db, s, tenant := register(t)
	require.NoError(t, inTx(t, ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		c, err := s.CreateTx(ctx, tx, contacts.New{Fields: contacts.Fields{Kind: contacts.Person, GivenName: new("Zoë"), FamilyName: new("Noël")}})
		require.NoError(t, err)
		ensure := func(street, code, city, country string) contacts.Address {
			a, err := s.EnsureAddressTx(ctx, tx, c.ID, contacts.NewAddress{Street: &street, Postcode: &code, City: &city, Country: country, Source: "form:1"})
			require.NoError(t, err)
			return a
		}
		home := ensure("2 rue de l'Église", "69002", "Lyon", "")
		require.True(t, home.IsPrimary)
		require.Equal(t, "form:1", home.Source)
		require.Equal(t, home.ID, ensure(" 2, RUE DE L’EGLISE", "69 002", "LYON", "FR").ID)
		other := ensure("3 rue de l'Église", "69002", "Lyon", "FR")
		require.NotEqual(t, home.ID, other.ID)
		require.False(t, other.IsPrimary)
		require.NotEqual(t, home.ID, ensure("2 rue de l'Église", "69002", "Lyon", "BE").ID)
		require.NotEqual(t, ensure("?", "69002", "Lyon", "FR").ID, ensure("!", "69002", "Lyon", "FR").ID, "signs alone are told apart")

		_, err = s.EnsureAddressTx(ctx, tx, c.ID, contacts.NewAddress{Street: new("2 rue B"), Country: "XY"})
		f, ok := fault.As(err)
		require.True(t, ok)
		require.Equal(t, "#/country", f.Violations[0].Pointer)

		rows, err := tx.Query(ctx, "select type from events where tenant_id = $1 order by id", tenant)
		require.NoError(t, err)
		types, err := pgx.CollectRows(rows, pgx.RowTo[string])
		require.NoError(t, err)
		require.Equal(t, []string{"contact.created", "address.added", "address.added", "address.added", "address.added", "address.added"}, types)
		return nil
	}))
}

func TestForetellingIsWhatCreatingRefuses(t *testing.T) {
	t.Parallel()
	ctx, db, s, tenant := register(t)
	bad := contacts.New{
		Fields:    contacts.Fields{Kind: contacts.Person, Locale: new("no language")},
		Points:    []contacts.NewPoint{{Kind: contacts.Phone, Value: "12345"}},
		Addresses: []contacts.NewAddress{{City: new("Lyon"), Postcode: new("1")}},
	}
	require.NoError(t, inTx(t, ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		_, err := s.CreateTx(ctx, tx, bad)
		refused, ok := fault.As(err)
		require.True(t, ok)
		foretold, ok := fault.As(s.Foretell(bad))
		require.True(t, ok)
		require.Len(t, foretold.Violations, 3)
		require.Equal(t, refused.Violations, foretold.Violations)
		return nil
	}))
	require.NoError(t, s.Foretell(contacts.New{Fields: contacts.Fields{Kind: contacts.Person, FamilyName: new("Noël")}}))
}
