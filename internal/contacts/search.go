package contacts

import (
	"strings"
	"unicode/utf8"

	"github.com/parvis-crm/parvis/internal/contacts/namekey"
)

// maxWords bounds what a search asks for; further words are not looked at.
const maxWords = 6

// shortWord reports whether a search is one word of one or two letters: too
// little to look for anywhere but at the beginning of sort names.
func shortWord(q string) bool {
	words := tokens(q)
	return !strings.Contains(q, "@") && len(words) == 1 && utf8.RuneCountInString(words[0]) < 3
}

// search adds what a text searched for can mean. What an identifier matches
// comes before any name.
func (st *statement) search(q string) {
	if shortWord(q) {
		st.namePrefix(tokens(q)[0])
		return
	}
	var found []string
	exact := strings.TrimSpace(q)
	if !strings.ContainsAny(exact, " ") || len(exact) <= 40 {
		found = append(found, "SELECT e.contact_id, 3::float8 AS score FROM contact_external_ids e WHERE e.tenant_id = $1 AND e.external_id = "+st.arg(exact))
	}
	digitsOnly := compactDigits(strings.NewReplacer("(", "", ")", "", "/", "").Replace(exact))
	switch {
	case strings.Contains(exact, "@"):
		prefix, err := NormalizeEmail(exact)
		if err != nil {
			prefix = strings.ToLower(exact)
		}
		from, to := st.arg(prefix), st.arg(prefix+lastRune)
		found = append(found, "SELECT p.contact_id, 2::float8 FROM contact_points p WHERE p.tenant_id = $1 AND p.kind = 'email' AND p.normalized >= "+from+" AND p.normalized < "+to+st.reached("p.contact_id"))
	case len(digitsOnly) >= 4 && digits(strings.TrimPrefix(digitsOnly, "+")):
		found = append(found, st.number(exact, digitsOnly)...)
	default:
		found = append(found, st.names(tokens(q))...)
	}
	if len(found) == 0 {
		found = []string{"SELECT NULL::uuid AS contact_id, 0::float8 AS score WHERE false"}
	}
	st.with = "WITH m AS MATERIALIZED (SELECT contact_id, max(score) AS score FROM (" + strings.Join(found, " UNION ALL ") + ") f GROUP BY contact_id) "
	// Sorted before the join, so that a page reads the contacts of a page and not
	// those of every match.
	st.from = "(SELECT contact_id, score FROM m ORDER BY score DESC, contact_id DESC) m JOIN contacts c ON c.id = m.contact_id"
	st.score = "m.score"
}

// number is a telephone number, whole or its beginning, a SIREN or a SIRET.
func (st *statement) number(typedAs, digitsOnly string) []string {
	normalized, err := NormalizePhone(typedAs, "")
	if err != nil {
		normalized = digitsOnly
		if national, ok := strings.CutPrefix(digitsOnly, "0"); ok {
			normalized = "+33" + national
		}
	}
	from, to := st.arg(normalized), st.arg(normalized+lastRune)
	found := []string{"SELECT p.contact_id, 2::float8 FROM contact_points p WHERE p.tenant_id = $1 AND p.kind = 'phone' AND p.normalized >= " + from + " AND p.normalized < " + to + st.reached("p.contact_id")}
	if !st.actor.Reads("identity") {
		return found
	}
	switch len(digitsOnly) {
	case 9:
		found = append(found, "SELECT o.id, 2::float8 FROM contacts o WHERE o.tenant_id = $1 AND o.siren = "+st.arg(digitsOnly))
	case 14:
		found = append(found, "SELECT o.id, 2::float8 FROM contacts o WHERE o.tenant_id = $1 AND o.siret = "+st.arg(digitsOnly))
	}
	return found
}

func (st *statement) names(words []string) []string {
	words = words[:min(len(words), maxWords)]
	if len(words) == 0 {
		return nil
	}
	keys := make([]string, 0, len(words))
	for _, w := range words {
		// Keys are made of letters, digits and a colon: no quoting in the array's text form.
		keys = append(keys, "{"+strings.Join(namekey.Of(w), ",")+"}")
	}
	return []string{"SELECT n.contact_id, n.score FROM find_contacts($1, " + st.arg(words) + ", " + st.arg(keys) + ", " + st.arg(strings.Join(words, " ")) + ") n" + st.findable(words)}
}
