package contacts

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Name is what of a person's name tells them from others of their family.
type Name struct {
	Given  string
	Family string // the name in use (nom d'usage)
	Birth  string // the name of birth (nom de naissance), if known
}

// unsorted are the particles that French usage leaves out of the order of
// names when they are written small: Charles de Gaulle stands under G. "du",
// "des", "le", "la" and "van" begin the name instead: Joachim du Bellay stands
// under D, Jean de La Fontaine under La Fontaine.
var unsorted = []string{"de", "d", "von", "vom", "zu", "zur"}

// sortFamily is a family name as it is sorted, still unfolded: without the
// particles that do not count. A name all in capitals is read as one typed
// without care, so its DE is a particle; "De Smet", with its capital, is a name
// that begins with De.
func sortFamily(family string) string {
	shouted := family == strings.ToUpper(family) && utf8.RuneCountInString(family) > 1
	rest := strings.TrimSpace(family)
	for {
		end := strings.IndexFunc(rest, func(r rune) bool { return r == ' ' || r == '\'' || r == '’' || r == 'ʼ' })
		if end <= 0 {
			return rest
		}
		head, tail := rest[:end], strings.TrimLeft(rest[end:], " '’ʼ")
		apostrophe := rest[end] != ' '
		small := head == strings.ToLower(head) || shouted
		folded := Fold(head)
		if !small || tail == "" || !slices.Contains(unsorted, folded) || (folded == "d") != apostrophe {
			return rest
		}
		rest = tail
	}
}

// display and sort name of the fields; ok is false when no name is given.
func (f *Fields) display() (name string, ok bool) {
	if f.Kind == Organisation {
		return firstOf(f.TradeName, f.LegalName)
	}
	family := f.FamilyName
	if family == nil {
		family = f.BirthName
	}
	var parts []string
	given := f.GivenName
	if given == nil {
		given = f.GivenNames
	}
	for _, p := range []*string{given, f.Particle, family, f.NameSuffix} {
		if p == nil {
			continue
		}
		if n := len(parts); n > 0 && p == family && strings.HasSuffix(parts[n-1], "'") || n > 0 && p == family && strings.HasSuffix(parts[n-1], "’") {
			parts[n-1] += *p // d'Ormesson
			continue
		}
		parts = append(parts, *p)
	}
	if given == nil && family == nil {
		return firstOf(f.Nickname)
	}
	return strings.Join(parts, " "), true
}

func firstOf(texts ...*string) (string, bool) {
	for _, t := range texts {
		if t != nil {
			return *t, true
		}
	}
	return "", false
}

// sortName is the folded name, family first.
func (f *Fields) sortName(display string) string {
	sorted := ""
	if f.Kind == Person {
		family := ""
		if f.FamilyName != nil {
			family = *f.FamilyName
		} else if f.BirthName != nil {
			family = *f.BirthName
		}
		// A particle in its field of its own counts only when it is one that
		// begins the name.
		if f.Particle != nil {
			family = joinParticle(*f.Particle, family)
		}
		given := ""
		if f.GivenName != nil {
			given = *f.GivenName
		} else if f.GivenNames != nil {
			given = *f.GivenNames
		}
		sorted = Fold(sortFamily(family) + " " + given)
	}
	if sorted == "" {
		sorted = Fold(display)
	}
	if sorted == "" {
		sorted = strings.ToLower(display) // a name of signs alone
	}
	return clip(sorted, 500)
}

func joinParticle(particle, family string) string {
	if strings.HasSuffix(particle, "'") || strings.HasSuffix(particle, "’") {
		return particle + family
	}
	return particle + " " + family
}

// clip cuts a text to at most n characters.
func clip(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:n]))
}

// NamesCompatible reports whether two names can well be one person's: family
// names equal without regard to case, accents and particles, the name of birth
// counting as much as the name in use; given names equal, or one the short
// form of the other (Jean-Sébastien and J.-S., Dominique and Dom). A name
// without given or family name is compatible with nothing, since an address
// alone is shared by whole families.
func NamesCompatible(a, b Name) bool {
	return familiesCompatible(a, b) && givenCompatible(Fold(a.Given), Fold(b.Given))
}

func familiesCompatible(a, b Name) bool {
	for _, x := range []string{a.Family, a.Birth} {
		for _, y := range []string{b.Family, b.Birth} {
			if sameFamily(x, y) {
				return true
			}
		}
	}
	return false
}

// sameFamily reports whether two family names differ only in case, accents,
// particles and spaces: "de La Tour", "Delatour", "LATOUR" and "La Tour".
func sameFamily(x, y string) bool {
	for _, p := range bareFamilies(x) {
		if slices.Contains(bareFamilies(y), p) {
			return true
		}
	}
	return false
}

// bareFamilies is a folded family name without spaces, with all its particles,
// with fewer of them, and with none.
func bareFamilies(s string) []string {
	words := strings.Fields(Fold(s))
	if len(words) == 0 {
		return nil
	}
	out := []string{strings.Join(words, "")}
	for len(words) > 1 && slices.Contains([]string{"de", "d", "du", "des", "le", "la", "les", "l", "von", "van", "der", "den", "di", "da", "dos"}, words[0]) {
		words = words[1:]
		out = append(out, strings.Join(words, ""))
	}
	return out
}

func givenCompatible(a, b string) bool {
	if a == "" || b == "" {
		return false
	}
	x, y := strings.Fields(a), strings.Fields(b)
	if strings.Join(x, "") == strings.Join(y, "") || shortForm(a, b) {
		return true
	}
	if len(x) == len(y) {
		same := true
		for i := range x {
			same = same && (x[i] == y[i] || shortForm(x[i], y[i]) || initialOf(x[i], y[i]))
		}
		return same
	}
	return false
}

// initialOf: J. and Jean.
func initialOf(a, b string) bool {
	return (utf8.RuneCountInString(a) == 1 && strings.HasPrefix(b, a)) || (utf8.RuneCountInString(b) == 1 && strings.HasPrefix(a, b))
}

func shortForm(a, b string) bool {
	for _, group := range shortForms() {
		if slices.Contains(group, a) && slices.Contains(group, b) {
			return true
		}
	}
	return false
}

// shortForms are given names and their everyday forms in French, folded.
func shortForms() [][]string {
	return [][]string{
		{"alexandre", "alex"}, {"alexandra", "alex"}, {"alexis", "alex"}, {"antoine", "tony", "toine"}, {"anne", "annie"},
		{"benjamin", "ben"}, {"benoit", "ben"}, {"bernadette", "dette"}, {"catherine", "cathy", "kathy", "cath"},
		{"caroline", "caro"}, {"charlotte", "charlie"}, {"christian", "chris"}, {"christine", "chris", "cricri"},
		{"christophe", "chris", "tophe"}, {"daniel", "dany", "dani"}, {"danielle", "dany"}, {"david", "dave"},
		{"dominique", "dom"}, {"edouard", "ed", "eddy"}, {"elisabeth", "babeth", "lisa", "elise", "betty"}, {"emmanuel", "manu"},
		{"emmanuelle", "manu", "emma"}, {"florence", "flo"}, {"florian", "flo"}, {"francois", "fanfan"}, {"francoise", "fanfan"},
		{"frederic", "fred", "freddy"}, {"frederique", "fred"}, {"gabriel", "gaby"}, {"gabrielle", "gaby"}, {"genevieve", "ginette"},
		{"gerard", "gege"}, {"gregory", "greg"}, {"guillaume", "guigui", "will"}, {"isabelle", "isa", "zaza"}, {"jacqueline", "jackie"},
		{"jacques", "jacky"}, {"jean claude", "jc"}, {"jean francois", "jf", "jef"}, {"jean marc", "jm"}, {"jean michel", "jm"},
		{"jean philippe", "jp"}, {"jean pierre", "jp", "jeanpi"}, {"jean paul", "jp"}, {"josephine", "jo"}, {"joseph", "jo", "jose"},
		{"laurence", "lolo"}, {"laurent", "lolo"}, {"louis", "loulou"}, {"madeleine", "mado"}, {"marguerite", "margot"},
		{"marie claude", "mc"}, {"matthieu", "mathieu", "mat"}, {"maxime", "max"}, {"maximilien", "max"}, {"michel", "mich", "mimi"},
		{"micheline", "mimi"}, {"monique", "momo"}, {"nathalie", "nath", "nat"}, {"nicolas", "nico"}, {"olivier", "oli", "olive"},
		{"pascal", "pasc"}, {"patricia", "pat", "patou"}, {"patrick", "pat", "patou"}, {"philippe", "phil"}, {"pierre", "pierrot"},
		{"raphael", "raph"}, {"robert", "bob", "bobby"}, {"samuel", "sam"}, {"sandrine", "sandy"}, {"sebastien", "seb"},
		{"severine", "sev"}, {"solange", "soso"}, {"sophie", "soso", "fifi"}, {"stephane", "steph"}, {"stephanie", "steph"},
		{"suzanne", "suzy"}, {"sylvain", "syl"}, {"sylvie", "syl"}, {"theodore", "theo"}, {"therese", "tess"}, {"thibault", "thibaut", "thibaud", "tibo"},
		{"thomas", "tom"}, {"valerie", "val"}, {"veronique", "vero"}, {"victor", "vic"}, {"victoria", "vicky", "vic"},
		{"alain", "al"}, {"amelie", "mel"}, {"andre", "dede"}, {"angelique", "angie"}, {"anthony", "antho", "tony"}, {"armelle", "mel"}, {"aurelie", "lili"}, {"aurelien", "orel"},
		{"barbara", "babs"}, {"bastien", "bast"}, {"beatrice", "bea"}, {"bertrand", "bert"}, {"brigitte", "bri"}, {"camille", "cam"}, {"catarina", "cathy"}, {"cecile", "cec"},
		{"charles", "charlie", "charly"}, {"clement", "clem"}, {"clementine", "clem"}, {"corinne", "coco"}, {"damien", "dam"}, {"delphine", "del"}, {"eleonore", "leo"},
		{"eliane", "lili"}, {"estelle", "tel"}, {"fabien", "fab"}, {"fabienne", "fab"}, {"fabrice", "fab"}, {"ferdinand", "ferdi"}, {"georges", "jojo"}, {"geraldine", "gege"},
		{"ghislaine", "gigi"}, {"gilbert", "gil"}, {"helene", "leni"}, {"henriette", "riette"}, {"herve", "rv"}, {"hippolyte", "hippo"}, {"hugues", "hugo"}, {"ingrid", "in"},
		{"jean baptiste", "jb"}, {"jean bernard", "jb"}, {"jean christophe", "jc"}, {"jean jacques", "jj"}, {"jean louis", "jl"}, {"jean luc", "jl"}, {"jean noel", "jn"}, {"jean sebastien", "js"},
		{"jean yves", "jy"}, {"jeanne", "jeannette"}, {"jerome", "jej"}, {"joel", "jo"}, {"johanna", "jo"}, {"jonathan", "jo", "john"}, {"jose", "pepe"}, {"julie", "juju"}, {"julien", "juju", "jul"},
		{"juliette", "juju"}, {"leonard", "leo"}, {"leopold", "leo"}, {"louise", "lou", "loulou"}, {"lucie", "lulu"}, {"lucien", "lulu"}, {"magali", "mag"}, {"marcel", "marco"}, {"margaux", "margot"},
		{"marie france", "mf"}, {"marie helene", "mh"}, {"marie jose", "mj"}, {"marie laure", "ml"}, {"marie louise", "malou"}, {"marie pierre", "mp"}, {"marie therese", "mt", "maite"},
		{"melanie", "mel"}, {"melissa", "mel"}, {"mickael", "mika", "mike"}, {"michael", "mika", "mike"}, {"mireille", "mimi"}, {"morgane", "momo"}, {"odette", "dede"}, {"pauline", "popo"},
		{"penelope", "penny"}, {"rachel", "rach"}, {"raymond", "ray"}, {"rebecca", "becky"}, {"remi", "remy"}, {"richard", "ricky"}, {"roland", "roro"}, {"romain", "rom"}, {"rose marie", "romy"},
		{"sabrina", "sab"}, {"samantha", "sam"}, {"sandra", "sandy"}, {"segolene", "sego"}, {"simone", "momo"}, {"tatiana", "tania"}, {"theophile", "theo"}, {"timothee", "tim"}, {"tristan", "tris"},
		{"valentin", "val"}, {"valentine", "val"}, {"vanessa", "vaness"}, {"violaine", "vio"}, {"william", "will", "bill"}, {"yolande", "yoyo"}, {"zoe", "zozo"},
		{"vincent", "vince"}, {"virginie", "nini", "virgi"}, {"xavier", "xav"}, {"yannick", "yan"}, {"yves", "vivi"},
	}
}

// letters reports whether a text has any letter at all.
func letters(s string) bool { return strings.ContainsFunc(s, unicode.IsLetter) }
