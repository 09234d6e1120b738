package ticketing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
)

// place is where somebody lives, as far as two spellings of it are compared.
type place struct{ postcode, street string }

func placeOf(p *person) place {
	if p == nil || p.Address == nil {
		return place{}
	}
	return place{postcode: compactCode(or(p.Address.PostalCode, "")), street: streetKey(or(p.Address.Street, ""))}
}

func compactCode(code string) string { return strings.ToUpper(strings.ReplaceAll(code, " ", "")) }

// streetKey is a street as it is compared: folded, the everyday abbreviations of
// French addresses spelled out (NF Z10-011), articles left out.
func streetKey(street string) string {
	long := map[string]string{
		"av": "avenue", "ave": "avenue", "bd": "boulevard", "bld": "boulevard", "blvd": "boulevard", "r": "rue", "pl": "place", "all": "allee", "ch": "chemin", "che": "chemin", "chem": "chemin",
		"imp": "impasse", "sq": "square", "rte": "route", "fg": "faubourg", "fbg": "faubourg", "qu": "quai", "res": "residence", "crs": "cours", "st": "saint", "ste": "sainte",
		"gal": "general", "mal": "marechal", "dr": "docteur", "pdt": "president", "cdt": "commandant", "b": "bis", "t": "ter",
	}
	var words []string
	for w := range strings.FieldsSeq(contacts.Fold(street)) {
		if l, ok := long[w]; ok {
			w = l
		}
		if !slices.Contains([]string{"de", "du", "des", "la", "le", "les", "l", "d", "et"}, w) {
			words = append(words, w)
		}
	}
	return strings.Join(words, " ")
}

// loadNamesakes reads those of the register who bear the name of somebody whom
// nothing surer identifies, and who share a date of birth or a postcode.
func (u *unit) loadNamesakes(ctx context.Context) error {
	p := ticketingdb.FindNamesakesParams{TenantID: u.source.TenantID}
	seen := map[string]bool{}
	add := func(who *person, d description) {
		postcode := placeOf(who).postcode
		if d.service || d.birthdate == "" && postcode == "" {
			return
		}
		if _, known := u.surely(who, d); known {
			return
		}
		for _, name := range contacts.SortNames(d.name) {
			if key := name + "\x1f" + d.birthdate + "\x1f" + postcode; !seen[key] {
				seen[key] = true
				p.SortNames, p.Birthdates, p.Postcodes = append(p.SortNames, name), append(p.Birthdates, d.birthdate), append(p.Postcodes, postcode)
			}
		}
	}
	for _, e := range u.customers {
		if who := readPerson(e.now.Profile); e.dirty && who != nil && !e.now.Deleted {
			add(who, u.describe(who, "", nil))
		}
	}
	for _, o := range u.orders {
		if o.row.Stub || o.row.Deleted || o.row.Test {
			continue
		}
		if o.buyer != nil {
			add(o.buyer, u.describe(o.buyer, or(o.row.ChannelKind, ""), nil))
		}
		for _, l := range o.lines {
			if holder := readPerson(l.Holder); holder != nil {
				add(holder, u.describe(holder, "", nil))
			}
		}
	}
	if len(p.SortNames) == 0 {
		return nil
	}
	rows, err := u.s.q.FindNamesakes(ctx, u.tx, p)
	if err != nil {
		return err
	}
	for _, r := range rows {
		c := candidate{id: r.ID, name: contacts.Name{Given: r.GivenName, Family: r.FamilyName, Birth: r.BirthName}, display: r.DisplayName, birthdate: dateText(r.Birthdate)}
		for _, text := range r.Places {
			postcode, street, _ := strings.Cut(text, "|")
			c.places = append(c.places, place{postcode: compactCode(postcode), street: streetKey(street)})
		}
		u.people.namesakes = append(u.people.namesakes, c)
		u.people.byID[c.id] = c
	}
	return nil
}

func dateText(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.Format(time.DateOnly)
}

// namesakesOf are those of the register who bear a name: exactly the same person
// as far as one can tell (date of birth, or street and postcode), and those of
// whom only the postcode says so.
func (u *unit) namesakesOf(p *person, d description) (exact, weak []suggestion) {
	if !named(d.name) {
		return nil, nil
	}
	home := placeOf(p)
	for _, c := range u.people.namesakes {
		how := c.agrees(d)
		if how == nil || slices.ContainsFunc(exact, func(s suggestion) bool { return s.contact == c.id }) {
			continue
		}
		near, same := false, false
		for _, at := range c.places {
			if home.postcode != "" && at.postcode == home.postcode {
				near = true
				same = same || home.street != "" && at.street == home.street
			}
		}
		switch {
		case slices.Contains(how, "birthdate"):
			exact = append(exact, suggestion{c.id, "name_birthdate", 0.9, how})
		case same:
			exact = append(exact, suggestion{c.id, "name_address", 0.9, append(how, "street", "postcode")})
		case near:
			score := 0.6
			if slices.Contains(how, "given_name") && slices.Contains(how, "family_name") {
				score = 0.65
			}
			weak = append(weak, suggestion{c.id, "name_postcode", score, append(how, "postcode")})
		}
	}
	slices.SortStableFunc(weak, func(a, b suggestion) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return exact, weak
}
