package contacts

import (
	"errors"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

var errNotANumber = errors.New("contacts: not a telephone number")

// DefaultRegion is the country of a number that names none.
const DefaultRegion = "FR"

// NormalizePhone gives a number in E.164 form. A number without a country
// belongs to region (ISO 3166-1 alpha-2; empty: France). The French habit of
// writing "+33 (0)1 …" is understood, and numbers of the overseas departments
// written in national form get the code of their own department.
func NormalizePhone(text, region string) (string, error) {
	if region == "" {
		region = DefaultRegion
	}
	if len(text) > 64 || strings.ContainsAny(text, "@") {
		return "", errNotANumber
	}
	compact := strings.NewReplacer("(0)", "", "( 0 )", "", "\u00a0", " ", "\u202f", " ").Replace(strings.TrimSpace(text))
	number, err := phonenumbers.Parse(compact, region)
	if err != nil {
		return "", errNotANumber
	}
	if number.GetExtension() != "" {
		number.Extension = nil
	}
	if region == DefaultRegion && number.GetCountryCode() == 33 {
		number = overseas(number)
	}
	if !phonenumbers.IsPossibleNumber(number) || !phonenumbers.IsValidNumber(number) && !fictional(number) {
		return "", errNotANumber
	}
	return phonenumbers.Format(number, phonenumbers.E164), nil
}

// overseas gives a number of an overseas department its own country code: 0590
// and 0690 are Guadeloupe's, which +33 does not reach.
func overseas(n *phonenumbers.PhoneNumber) *phonenumbers.PhoneNumber {
	national := phonenumbers.GetNationalSignificantNumber(n)
	if len(national) != 9 {
		return n
	}
	codes := map[string]int32{
		"590": 590, "690": 590, "691": 590, "594": 594, "694": 594, "596": 596, "696": 596, "697": 596,
		"262": 262, "263": 262, "269": 262, "639": 262, "692": 262, "693": 262,
	}
	code, ok := codes[national[:3]]
	if !ok {
		return n
	}
	local := &phonenumbers.PhoneNumber{CountryCode: &code, NationalNumber: n.NationalNumber}
	if !phonenumbers.IsValidNumber(local) {
		return n
	}
	return local
}

// fictional are the blocks that ARCEP keeps for films and books (décision
// 2018-0881), which demonstrations use: they are nobody's.
func fictional(n *phonenumbers.PhoneNumber) bool {
	if n.GetCountryCode() != 33 {
		return false
	}
	national := phonenumbers.GetNationalSignificantNumber(n)
	for _, block := range []string{"19900", "26191", "35301", "46571", "53649", "63998"} {
		if len(national) == 9 && strings.HasPrefix(national, block) {
			return true
		}
	}
	return false
}
