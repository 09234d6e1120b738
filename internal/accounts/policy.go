package accounts

import (
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/parvis-crm/parvis/internal/fault"
)

const (
	// MinimumLength of a password, in characters. Nothing is asked of which they
	// are, and nobody has to change a password that nobody else knows (NIST
	// SP 800-63B §3.1.1.2).
	MinimumLength = 15
	// longestPassword bounds the work; anybody's sentence fits.
	longestPassword = 256
	// throttledBits is the least entropy where attempts are throttled
	// (CNIL deliberation 2022-100 of 21 July 2022).
	throttledBits = 50
	// tolerance: the deliberation counts 12 characters out of 99 as 80 bits, which
	// are 79.55.
	tolerance = 0.5
	// fewestOwn is how many characters remain at least once everything common,
	// repeated and in order has shrunk to one.
	fewestOwn = 8
)

// normal is a password as it is hashed: keyboards differ in how they compose
// characters (RFC 8265 §4.2).
func normal(password string) string { return norm.NFC.String(password) }

// bits is the entropy of a random password of this length and these kinds of
// characters: 10 digits, 26 small and 26 capital letters, 37 others, as the
// deliberation counts.
func bits(password string) float64 {
	var digits, small, capitals, others bool
	for _, r := range password {
		switch {
		case r >= '0' && r <= '9':
			digits = true
		case r >= 'a' && r <= 'z':
			small = true
		case r >= 'A' && r <= 'Z':
			capitals = true
		default:
			others = true
		}
	}
	alphabet := 0
	for _, kind := range []struct {
		used bool
		size int
	}{{digits, 10}, {small, 26}, {capitals, 26}, {others, 37}} {
		if kind.used {
			alphabet += kind.size
		}
	}
	if alphabet == 0 {
		return 0
	}
	return float64(utf8.RuneCountInString(password)) * math.Log2(float64(alphabet))
}

func enough(have, want float64) bool { return have >= want-tolerance }

// checkPassword refuses what is too short, common, breached, or made of what
// everybody knows about the person and the institution.
func (s *Service) checkPassword(password, pointer string, context ...string) error {
	password = normal(password)
	f := fault.Invalid()
	switch length := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return f.At(pointer, "password-characters")
	case length < MinimumLength:
		return f.At(pointer, "password-short", "limit", MinimumLength)
	case length > longestPassword:
		return f.At(pointer, "too-long", "limit", longestPassword)
	case !enough(bits(password), throttledBits), own(password, context) < fewestOwn:
		return f.At(pointer, "password-common")
	}
	leaked, err := s.breached.has(password)
	if err != nil {
		return err
	}
	if leaked {
		return f.At(pointer, "password-breached")
	}
	return nil
}

// own counts the characters of a password that say something: of a common
// word, of a word of the context, of a run on the keyboard and of a repetition
// only one.
func own(password string, context []string) int {
	least := math.MaxInt
	lower := strings.ToLower(password)
	words := append(contextWords(context), commonWords()...)
	slices.SortFunc(words, func(a, b string) int { return len(b) - len(a) })
	for _, form := range []string{lower, unmask.Replace(lower)} {
		form = period(bare(form))
		for _, row := range rows() {
			form = shrinkRuns(form, row)
		}
		for _, w := range words {
			form = strings.ReplaceAll(form, w, "\x00")
		}
		n, last := 0, rune(-1)
		for _, r := range form {
			if r != last {
				n++
			}
			last = r
		}
		least = min(least, n)
	}
	return least
}

// unmask undoes the usual replacements of letters.
var unmask = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i", "€", "e")

// bare drops accents and what separates words.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) || unicode.IsSpace(r) || strings.ContainsRune("-_.,'’/", r) {
			return -1
		}
		return r
	}, norm.NFD.String(s))
}

// period is the shortest beginning whose repetition is the whole.
func period(s string) string {
	r := []rune(s)
	for n := 1; n <= len(r)/2; n++ {
		repeats := true
		for i := n; i < len(r) && repeats; i++ {
			repeats = r[i] == r[i-n]
		}
		if repeats {
			return string(r[:n])
		}
	}
	return s
}

// shrinkRuns makes one character of what runs along a row for four or more.
func shrinkRuns(s, row string) string {
	const shortest = 4
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && strings.Contains(row, s[i:i+n+1]) {
			n++
		}
		if n < shortest {
			b.WriteByte(s[i])
			i++
			continue
		}
		b.WriteByte(1)
		i += n
	}
	return b.String()
}

// contextWords are the words of four letters and more.
func contextWords(context []string) []string {
	var out []string
	for _, text := range context {
		text = strings.ToLower(text)
		for w := range strings.FieldsFuncSeq(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if w = bare(w); len(w) >= 4 {
				out = append(out, w)
			}
		}
		if whole := bare(text); len(whole) >= 4 && len(whole) <= 60 {
			out = append(out, whole)
		}
	}
	return append(out, "parvis")
}
