package contacts

import (
	"regexp"
	"strings"
)

// laPoste is the SIREN whose establishments outgrew Luhn's formula.
const laPoste = "356000000"

// ValidSIREN checks the nine digits of a French company register number
// (Luhn; code de commerce art. R123-220 s., INSEE).
func ValidSIREN(s string) bool { return len(s) == 9 && digits(s) && luhn(s) }

// ValidSIRET checks the fourteen digits of an establishment: SIREN and NIC
// together pass Luhn's formula, except for those of La Poste, whose digits add
// up to a multiple of five.
func ValidSIRET(s string) bool {
	if len(s) != 14 || !digits(s) || !ValidSIREN(s[:9]) {
		return false
	}
	if luhn(s) {
		return true
	}
	if s[:9] != laPoste {
		return false
	}
	sum := 0
	for _, d := range s {
		sum += int(d - '0')
	}
	return sum%5 == 0
}

var rnaForm = regexp.MustCompile(`^W[0-9][0-9A-Z][0-9]{7}$`)

// ValidRNA checks the form of a number of the national register of
// associations. It has no check digit, and associations under the law of
// Alsace-Moselle have none at all.
func ValidRNA(s string) bool { return rnaForm.MatchString(s) }

// compactDigits removes the spaces, dots and hyphens people group digits with.
func compactDigits(s string) string {
	return strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", ".", "", "-", "").Replace(s)
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

func luhn(s string) bool {
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}
