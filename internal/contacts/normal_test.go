package contacts_test

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/contacts"
)

func TestFold(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Zoë Noël": "zoe noel", "Œuvre": "oeuvre", "æquo": "aequo", "STRAßE": "strasse", "L’Haÿ-les-Roses": "l hay les roses", "Ñandú": "nandu",
		"  d'Artagnan ": "d artagnan", "Ça": "ca", "Łódź": "lodz", "O\u02bcNeil": "o neil", "Zoe\u0308": "zoe", "": "", "---": "",
	} {
		if in == "O\u02bcNeil" {
			// U+02BC is a letter to Unicode and an apostrophe to everyone else.
			require.Contains(t, []string{"o neil", "oʼneil"}, contacts.Fold(in))
			continue
		}
		require.Equal(t, want, contacts.Fold(in), in)
	}
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "s")
		folded := contacts.Fold(s)
		require.Equal(t, folded, contacts.Fold(folded), "folding twice changes nothing")
		require.Equal(t, folded, contacts.Fold(norm.NFD.String(s)), "composed or not")
		require.Equal(t, folded, contacts.Fold(norm.NFC.String(s)))
	})
}

func TestNormalizeEmail(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"A.B@Gmail.com": "a.b@gmail.com", "ab@gmail.com": "ab@gmail.com", "a+tag@example.org": "a+tag@example.org",
		"renée@exemple.fr": "renée@exemple.fr", "x@Bücher.example": "x@xn--bcher-kva.example", "x@example.org.": "x@example.org",
		"Rene\u0301e@exemple.fr": "renée@exemple.fr", "o'neil@example.org": "o'neil@example.org",
	} {
		for _, spaced := range []string{in, " " + in + " "} {
			got, err := contacts.NormalizeEmail(spaced)
			require.NoError(t, err, in)
			require.Equal(t, want, got)
		}
	}
	for _, bad := range []string{"", "@", "a@", "@b.fr", "a@b", "a b@c.fr", "a..b@c.fr", ".a@c.fr", "a@-c.fr", "a@c_d.fr", "a@1.2.3.4", "a@[1.2.3.4]", "a@b@", "\"a b\"@c.fr", strings.Repeat("a", 65) + "@c.fr", "a\x00@c.fr"} {
		_, err := contacts.NormalizeEmail(bad)
		require.Error(t, err, "%q", bad)
	}
}

func FuzzNormalizeEmail(f *testing.F) {
	for _, s := range []string{"a@b.fr", "é@é.fr", "a+b@xn--bcher-kva.example", "İ@x.fr"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := contacts.NormalizeEmail(s)
		if err != nil {
			return
		}
		twice, err := contacts.NormalizeEmail(once)
		if err != nil || twice != once {
			t.Fatalf("%q → %q → %q, %v", s, once, twice, err)
		}
	})
}

func TestNormalizePhone(t *testing.T) {
	t.Parallel()
	for _, spelling := range []string{
		"0142685300", "01 42 68 53 00", "01.42.68.53.00", "01-42-68-53-00", "+33142685300", "+33 1 42 68 53 00", "+33 (0)1 42 68 53 00", "+33(0)142685300",
		"0033142685300", "00 33 1 42 68 53 00", "(01) 42 68 53 00", "01 42 68 53 00 ", " 01\u00a042\u00a068\u00a053\u00a000", "01\u202f42\u202f68\u202f53\u202f00",
		"+33-1-42-68-53-00", "+33.1.42.68.53.00", "01/42/68/53/00", "tel:+33142685300", "+33 ( 0 ) 1 42 68 53 00", "01 4268 5300", "014 268 53 00", "+33 01 42 68 53 00",
	} {
		got, err := contacts.NormalizePhone(spelling, "")
		require.NoError(t, err, spelling)
		require.Equal(t, "+33142685300", got, spelling)
	}
	for in, want := range map[string]string{
		"06 39 98 12 34": "+33639981234", "0690 00 12 34": "+590690001234", "0596 60 12 34": "+596596601234", "0262 90 12 34": "+262262901234", "0692 12 34 56": "+262692123456",
		"+44 20 7946 0958": "+442079460958", "+1 212 555 2368": "+12125552368", "01 99 00 12 34": "+33199001234",
	} {
		got, err := contacts.NormalizePhone(in, "")
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, bad := range []string{"", "abc", "12", "0042", "+33", "01 42 68 53", "a@b.fr", strings.Repeat("1", 70)} {
		_, err := contacts.NormalizePhone(bad, "")
		require.Error(t, err, bad)
	}
	got, err := contacts.NormalizePhone("020 7946 0958", "GB")
	require.NoError(t, err)
	require.Equal(t, "+442079460958", got)
}

func FuzzNormalizePhone(f *testing.F) {
	for _, s := range []string{"0142685300", "+33 (0)1 42 68 53 00", "0690001234", "+1;ext=5"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := contacts.NormalizePhone(s, "")
		if err != nil {
			return
		}
		twice, err := contacts.NormalizePhone(once, "")
		if err != nil || twice != once {
			t.Fatalf("%q → %q → %q, %v", s, once, twice, err)
		}
	})
}

func TestIdentifiers(t *testing.T) {
	t.Parallel()
	require.True(t, contacts.ValidSIRET("73282932000074"))
	require.True(t, contacts.ValidSIRET("35600000049837"), "La Poste: a multiple of five")
	require.True(t, contacts.ValidSIRET("35600000000048"), "La Poste's seat passes Luhn")
	require.False(t, contacts.ValidSIRET("35600000049838"))
	require.False(t, contacts.ValidSIRET("73282932000075"))
	require.False(t, contacts.ValidSIRET("7328293200007"))
	require.True(t, contacts.ValidSIREN("732829320"))
	require.False(t, contacts.ValidSIREN("732829321"))
	require.True(t, contacts.ValidRNA("W751234567"))
	require.True(t, contacts.ValidRNA("W9R1234567"))
	require.False(t, contacts.ValidRNA("751234567"))
}

func TestPostalLines(t *testing.T) {
	t.Parallel()
	lastLines := regexp.MustCompile(`^[A-Z0-9 ]*$`)
	rapid.Check(t, func(t *rapid.T) {
		part := rapid.OneOf(rapid.String(), rapid.StringMatching(`[0-9]{1,3} (avenue|boulevard|place) du (Général|Maréchal) [A-Zéèçœ'’ -]{0,60}`))
		optional := func(name string) *string {
			if !rapid.Bool().Draw(t, name+"?") {
				return nil
			}
			s := part.Draw(t, name)
			return &s
		}
		a := contacts.Address{
			Recipient: optional("recipient"), Delivery: optional("delivery"), Building: optional("building"), Street: optional("street"),
			Locality: optional("locality"), PostalCode: optional("code"), City: optional("city"), Country: rapid.SampledFrom([]string{"FR", "GB", "US", "DE", "BE", "CH", "ZZ"}).Draw(t, "country"),
		}
		lines := contacts.PostalLines(contacts.Contact{Kind: rapid.SampledFrom([]string{"person", "organisation"}).Draw(t, "kind"), DisplayName: part.Draw(t, "name")}, a)
		limit := 6
		if a.Country != "FR" {
			limit = 7
		}
		require.LessOrEqual(t, len(lines), limit)
		for _, l := range lines {
			require.LessOrEqual(t, utf8.RuneCountInString(l), 38)
			require.NotEmpty(t, l)
		}
		if a.Country == "FR" && len(lines) > 0 && a.City != nil && contacts.Fold(*a.City) != "" && regexp.MustCompile(`[a-z]`).MatchString(contacts.Fold(*a.City)) {
			require.Regexp(t, lastLines, lines[len(lines)-1])
		}
	})
	for country, want := range map[string][]string{
		"DE": {"Zoë Noël", "HAUPTSTRASSE 1", "10115 BERLIN", "ALLEMAGNE"}, "BE": {"Zoë Noël", "HAUPTSTRASSE 1", "10115 BERLIN", "BELGIQUE"},
		"US": {"Zoë Noël", "HAUPTSTRASSE 1", "BERLIN 10115", "ETATS UNIS"}, "GB": {"Zoë Noël", "HAUPTSTRASSE 1", "BERLIN", "10115", "ROYAUME UNI"},
		"CH": {"Zoë Noël", "HAUPTSTRASSE 1", "10115 BERLIN", "SUISSE"},
	} {
		street, code, city := "Hauptstrasse 1", "10115", "Berlin"
		require.Equal(t, want, contacts.PostalLines(contacts.Contact{Kind: "person", DisplayName: "Zoë Noël"}, contacts.Address{Street: &street, PostalCode: &code, City: &city, Country: country}))
	}
	street, code, city := "128 boulevard du Général de Gaulle prolongé", "93200", "Saint-Denis"
	require.Equal(t, []string{"X", "128 BD DU GAL DE GAULLE PROLONGE", "93200 SAINT DENIS"},
		contacts.PostalLines(contacts.Contact{Kind: "person", DisplayName: "X"}, contacts.Address{Street: &street, PostalCode: &code, City: &city, Country: "FR"}))
}
