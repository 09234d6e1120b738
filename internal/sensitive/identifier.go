package sensitive

import (
	"strings"
)

// Identifier is a number that stands for a person.
type Identifier struct {
	Scheme string `json:"scheme"`
	Value  string `json:"value"`
}

// normal is what two spellings of one identifier have in common.
func (i Identifier) normal() string {
	return strings.ToUpper(strings.NewReplacer(" ", "", "-", "", ".", "").Replace(i.Value))
}

// valid tells whether the value can be one of its scheme.
func (i Identifier) valid() bool {
	normal := i.normal()
	if i.Scheme == "iban" {
		return validIBAN(normal)
	}
	return len(normal) >= 4
}

// validIBAN checks the form and the two check digits of an IBAN (ISO 13616,
// ISO 7064 mod 97-10).
func validIBAN(s string) bool {
	if len(s) < 15 || len(s) > 34 {
		return false
	}
	remainder := 0
	for at, c := range s[4:] + s[:4] {
		switch {
		case c >= '0' && c <= '9':
			remainder = (remainder*10 + int(c-'0')) % 97
		case c >= 'A' && c <= 'Z':
			remainder = (remainder*100 + int(c-'A') + 10) % 97
		default:
			return false
		}
		letters := at == len(s)-4 || at == len(s)-3
		if digits := at >= len(s)-2; letters && c <= '9' || digits && c > '9' {
			return false
		}
	}
	return remainder == 1
}
