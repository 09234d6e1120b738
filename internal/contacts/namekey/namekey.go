// Package namekey finds names that are misspelt: two words that sound alike in
// French, or are one mistake apart, have a key in common.
package namekey

import "strings"

// Of gives the keys of one folded word: how it sounds, and the word with at most one
// letter left out. Two words one mistake apart (a letter too many, too few,
// another, or two exchanged) share such a key, since leaving out the right
// letter of each makes them equal. Only the first nine letters count.
func Of(w string) []string {
	keys := []string{"s:" + sound(w)}
	runes := []rune(w)
	if len(runes) > 9 {
		runes = runes[:9]
	}
	if len(runes) < 3 {
		return append(keys, "d:"+string(runes))
	}
	keys = append(keys, "d:"+string(runes))
	for i := range runes {
		if i > 0 && runes[i] == runes[i-1] {
			continue
		}
		keys = append(keys, "d:"+string(runes[:i])+string(runes[i+1:]))
	}
	return keys
}

// sound is how a folded word sounds in French, roughly: spellings that are
// pronounced alike, as of Lefèvre and Lefebvre, Dupont and Dupond, Thomas and
// Tomas, Gautier and Gauthier, Renault and Reno, give the same letters.
func sound(w string) string {
	s := w
	for _, end := range [...]string{"eaux", "eaud", "eault", "aulx", "ault", "auld", "aux", "aud", "aut", "od", "ot", "os"} {
		if head, ok := strings.CutSuffix(s, end); ok && head != "" {
			s = head + "o"
			break
		}
	}
	for _, r := range [...][2]string{
		{"eau", "o"}, {"au", "o"},
		{"oeu", "e"}, {"oe", "e"}, {"ae", "e"}, {"ph", "f"}, {"sch", "H"}, {"sh", "H"}, {"ch", "H"}, {"th", "t"}, {"rh", "r"}, {"gh", "g"}, {"kh", "k"},
		{"bv", "v"}, {"gn", "n"}, {"ille", "Y"}, {"ill", "Y"}, {"ouin", "WN"}, {"oin", "WN"}, {"oy", "W"}, {"oi", "W"}, {"ou", "u"}, {"w", "v"}, {"y", "i"},
		{"ain", "N"}, {"ein", "N"}, {"ien", "iN"}, {"aim", "N"}, {"eim", "N"}, {"ai", "e"}, {"ei", "e"}, {"ay", "e"}, {"ey", "e"}, {"eu", "e"},
		{"qu", "k"}, {"q", "k"}, {"ce", "se"}, {"ci", "si"}, {"ge", "je"}, {"gi", "ji"}, {"c", "k"}, {"z", "s"}, {"x", "s"}, {"h", ""},
	} {
		s = strings.ReplaceAll(s, r[0], r[1])
	}
	s = nasals(s)
	// Double letters sound once; silent ends do not sound.
	var b strings.Builder
	var last rune
	for _, r := range s {
		if r != last {
			b.WriteRune(r)
		}
		last = r
	}
	s = b.String()
	for len(s) > 2 && strings.ContainsRune("estdpx", rune(s[len(s)-1])) {
		s = s[:len(s)-1]
	}
	return s
}

// nasals: an, am, en, em sound alike before another consonant or at the end,
// and so do in, im, un, um, and on, om.
func nasals(s string) string {
	var b strings.Builder
	vowel := func(c byte) bool { return strings.IndexByte("aeiouNWY", c) >= 0 }
	for i := 0; i < len(s); i++ {
		if i+1 < len(s) && (s[i+1] == 'n' || s[i+1] == 'm') && (i+2 == len(s) || !vowel(s[i+2]) && s[i+2] != 'n' && s[i+2] != 'm') {
			switch s[i] {
			case 'a', 'e':
				b.WriteByte('A')
				i++
				continue
			case 'i', 'u':
				b.WriteByte('N')
				i++
				continue
			case 'o':
				b.WriteByte('O')
				i++
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
