package contacts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// letters that Unicode does not take apart, as French and its neighbours
// write them without the sign.
func spelledOut(r rune) string {
	switch r {
	case 'œ', 'Œ':
		return "oe"
	case 'æ', 'Æ':
		return "ae"
	case 'ß', 'ẞ':
		return "ss"
	case 'ø', 'Ø':
		return "o"
	case 'ł', 'Ł':
		return "l"
	case 'đ', 'Đ', 'ð', 'Ð':
		return "d"
	case 'þ', 'Þ':
		return "th"
	case 'ı':
		return "i"
	}
	return ""
}

// Fold is a text as search compares it: small letters without accents,
// ligatures spelled out, everything that is neither letter nor digit one space.
// Folding twice changes nothing.
func Fold(s string) string {
	var b strings.Builder
	b.Grow(len(s))
	gap := false
	write := func(r rune) {
		if gap && b.Len() > 0 {
			b.WriteByte(' ')
		}
		gap = false
		b.WriteRune(r)
	}
	if !ascii(s) {
		s = norm.NFKD.String(s)
	}
	for _, r := range s {
		switch {
		case r < utf8.RuneSelf:
			switch {
			case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
				write(r)
			case r >= 'A' && r <= 'Z':
				write(r + 'a' - 'A')
			default:
				gap = true
			}
		case unicode.Is(unicode.Mn, r):
		case spelledOut(r) != "":
			for _, plain := range spelledOut(r) {
				write(plain)
			}
		case unicode.IsLetter(r) || unicode.IsDigit(r):
			write(unicode.ToLower(r))
		default:
			gap = true
		}
	}
	return b.String()
}

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// typed is a text as it is kept: composed (NFC), without control characters,
// without space around it and with single spaces inside; nil when nothing is
// left.
func typed(s string) *string {
	s = norm.NFC.String(s)
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsControl(r):
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }), " ")
	if strings.IndexFunc(s, visible) < 0 {
		return nil
	}
	return &s
}

// visible reports whether a letter, digit or sign can be seen: marks of format and
// joiners alone make no text.
func visible(r rune) bool {
	return r != ' ' && !unicode.In(r, unicode.Cf, unicode.Mn, unicode.Me, unicode.Zs)
}
