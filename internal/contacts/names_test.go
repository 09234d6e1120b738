package contacts_test

import (
	"context"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/contacts"
)

func TestDisplayAndSortNames(t *testing.T) {
	t.Parallel()
	ctx, db, s, tenant := register(t)
	for _, c := range []struct{ given, particle, family, display, sort string }{
		{"Charles", "", "de Gaulle", "Charles de Gaulle", "gaulle charles"},
		{"Charles", "de", "Gaulle", "Charles de Gaulle", "gaulle charles"},
		{"CHARLES", "", "DE GAULLE", "CHARLES DE GAULLE", "gaulle charles"},
		{"Jean", "", "de La Fontaine", "Jean de La Fontaine", "la fontaine jean"},
		{"Jean", "de", "La Fontaine", "Jean de La Fontaine", "la fontaine jean"},
		{"JEAN", "", "DE LA FONTAINE", "JEAN DE LA FONTAINE", "la fontaine jean"},
		{"Joachim", "", "du Bellay", "Joachim du Bellay", "du bellay joachim"},
		{"Joachim", "du", "Bellay", "Joachim du Bellay", "du bellay joachim"},
		{"Jean", "", "d'Ormesson", "Jean d'Ormesson", "ormesson jean"},
		{"Jean", "d'", "Ormesson", "Jean d'Ormesson", "ormesson jean"},
		{"Jean", "", "d’Ormesson", "Jean d’Ormesson", "ormesson jean"},
		{"Charles", "", "d'Artagnan", "Charles d'Artagnan", "artagnan charles"},
		{"Louis-René", "", "des Forêts", "Louis-René des Forêts", "des forets louis rene"},
		{"Auguste", "", "de Villiers de L'Isle-Adam", "Auguste de Villiers de L'Isle-Adam", "villiers de l isle adam auguste"},
		{"Yves", "", "Le Goff", "Yves Le Goff", "le goff yves"},
		{"YVES", "", "LE GOFF", "YVES LE GOFF", "le goff yves"},
		{"Jan", "", "De Smet", "Jan De Smet", "de smet jan"},
		{"Vincent", "", "van Gogh", "Vincent van Gogh", "van gogh vincent"},
		{"Ludwig", "", "van Beethoven", "Ludwig van Beethoven", "van beethoven ludwig"},
		{"Johann", "", "von Goethe", "Johann von Goethe", "goethe johann"},
		{"Ronald", "", "McDONALD", "Ronald McDONALD", "mcdonald ronald"},
		{"Zoë", "", "Noël", "Zoë Noël", "noel zoe"},
		{"Zoe\u0308", "", "Noe\u0308l", "Zoë Noël", "noel zoe"},
		{"Marie-Ève", "", "Lœuillet", "Marie-Ève Lœuillet", "loeuillet marie eve"},
		{"Anne", "", "L'Hermitte", "Anne L'Hermitte", "l hermitte anne"},
		{"Éric", "", "Dé", "Éric Dé", "de eric"},
		{"Ana", "", "De", "Ana De", "de ana"},
		{"", "", "Durand", "Durand", "durand"},
		{"Madonna", "", "", "Madonna", "madonna"},
		{"Guy", "", "de Maupassant", "Guy de Maupassant", "maupassant guy"},
		{"Honoré", "de", "Balzac", "Honoré de Balzac", "balzac honore"},
		{"Alexis", "", "de Tocqueville", "Alexis de Tocqueville", "tocqueville alexis"},
		{"  Ana  ", "", " Costa\tPinto ", "Ana Costa Pinto", "costa pinto ana"},
		{"Seán", "", "O'Neill", "Seán O'Neill", "o neill sean"},
	} {
		err := inTx(t, ctx, db, tenant, func(ctx context.Context, tx pgx.Tx) error {
			f := contacts.Fields{Kind: contacts.Person, GivenName: &c.given, Particle: &c.particle, FamilyName: &c.family}
			got, err := s.CreateTx(ctx, tx, contacts.New{Fields: f})
			require.NoError(t, err)
			require.Equal(t, c.display, got.DisplayName)
			require.Equal(t, c.sort, got.SortName, c.display)
			return nil
		})
		require.NoError(t, err)
	}
}

func TestNamesCompatible(t *testing.T) {
	t.Parallel()
	name := func(given, family string) contacts.Name { return contacts.Name{Given: given, Family: family} }
	for _, c := range []struct {
		a, b contacts.Name
		want bool
	}{
		{name("Zoë", "Noël"), name("ZOE", "NOEL"), true},
		{name("Charles", "de Gaulle"), name("Charles", "Gaulle"), true},
		{name("Jean-Pierre", "Le Goff"), name("jean pierre", "LEGOFF"), true}, // typed without its space
		{name("Jean-Pierre", "Le Goff"), name("jean pierre", "LE GOFF"), true},
		{name("Frédéric", "Martin"), name("Fred", "Martin"), true},
		{name("J.-P.", "Martin"), name("Jean-Pierre", "Martin"), true},
		{name("Jean", "Martin"), name("Jean-Pierre", "Martin"), false},
		{name("Jeanne", "Martin"), name("Jean", "Martin"), false},
		{name("Tom", "Martin"), name("Léa", "Martin"), false},
		{name("Léa", "Martin"), name("Léa", "Durand"), false},
		{contacts.Name{Given: "Léa", Family: "Durand", Birth: "Martin"}, name("Léa", "Martin"), true},
		{name("", "Martin"), name("", "Martin"), false},
		{name("Léa", ""), name("Léa", ""), false},
	} {
		require.Equal(t, c.want, contacts.NamesCompatible(c.a, c.b), "%v %v", c.a, c.b)
		require.Equal(t, c.want, contacts.NamesCompatible(c.b, c.a), "the other way round")
	}
}

func FuzzNames(f *testing.F) {
	f.Add("Zoë", "de Noël", "d'")
	f.Add("", "' ' '", "DE")
	f.Fuzz(func(t *testing.T, given, family, birth string) {
		n := contacts.Name{Given: given, Family: family, Birth: birth}
		_ = contacts.NamesCompatible(n, contacts.Name{Given: family, Family: given})
		if folded := contacts.Fold(family); !utf8.ValidString(folded) && utf8.ValidString(family) {
			t.Fatalf("%q", folded)
		}
		if contacts.Fold(given) != "" && contacts.Fold(family) != "" && len(given) < 100 && !contacts.NamesCompatible(n, n) {
			t.Fatalf("%v is not compatible with itself", n)
		}
	})
}
