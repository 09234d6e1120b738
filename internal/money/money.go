// Package money keeps amounts as whole minor units (cents for the euro) with
// their ISO 4217 currency, and writes them as decimal strings, so that no
// amount ever passes through a floating-point number.
package money

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/currency"
)

// Amount is a signed number of minor units of a currency.
type Amount struct {
	Minor    int64
	Currency string
}

// ErrFormat is returned for text that is not a decimal amount of its currency.
var ErrFormat = errors.New("money: not a decimal amount of this currency")

// ErrRange is returned for amounts beyond what 64 bits of minor units hold.
var ErrRange = errors.New("money: amount out of range")

// Digits is the number of decimals of a currency in ISO 4217; two where this
// table does not know better.
func Digits(code string) int {
	switch code {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	default:
		return 2
	}
}

// ValidCurrency reports whether code is one of ISO 4217, those of the past
// included.
func ValidCurrency(code string) bool {
	switch code {
	case "SLE", "VED", "XCG", "ZWG": // younger than the library's table
		return true
	}
	unit, err := currency.ParseISO(code)
	return err == nil && unit.String() == code
}

// Parse reads a decimal string such as "12.50" or "-3". It refuses exponents,
// signs other than a leading minus, spaces, and more decimals than the currency
// has unless they are zeros.
func Parse(text, code string) (Amount, error) {
	if !ValidCurrency(code) {
		return Amount{}, fmt.Errorf("%w: currency %q", ErrFormat, code)
	}
	digits := Digits(code)
	rest, negative := strings.CutPrefix(text, "-")
	whole, fraction, hasPoint := strings.Cut(rest, ".")
	if whole == "" || (hasPoint && fraction == "") || !allDigits(whole) || !allDigits(fraction) {
		return Amount{}, ErrFormat
	}
	if len(fraction) > digits {
		if strings.Trim(fraction[digits:], "0") != "" {
			return Amount{}, ErrFormat
		}
		fraction = fraction[:digits]
	}
	fraction += strings.Repeat("0", digits-len(fraction))
	minor, err := strconv.ParseUint(whole+fraction, 10, 64)
	if err != nil || minor > math.MaxInt64 {
		return Amount{}, ErrRange
	}
	a := Amount{Minor: int64(minor), Currency: code}
	if negative {
		a.Minor = -a.Minor
	}
	return a, nil
}

// String writes the amount as a decimal string with exactly the decimals of its
// currency, without the currency.
func (a Amount) String() string {
	digits := Digits(a.Currency)
	u := uint64(a.Minor)
	sign := ""
	if a.Minor < 0 {
		sign, u = "-", uint64(-(a.Minor+1))+1
	}
	text := strconv.FormatUint(u, 10)
	if digits == 0 {
		return sign + text
	}
	if len(text) <= digits {
		text = strings.Repeat("0", digits+1-len(text)) + text
	}
	return sign + text[:len(text)-digits] + "." + text[len(text)-digits:]
}

// Add sums two amounts of one currency.
func (a Amount) Add(b Amount) (Amount, error) {
	if a.Currency != b.Currency {
		return Amount{}, fmt.Errorf("money: %s and %s cannot be added", a.Currency, b.Currency)
	}
	sum := a.Minor + b.Minor
	if (sum > a.Minor) != (b.Minor > 0) && b.Minor != 0 {
		return Amount{}, ErrRange
	}
	return Amount{Minor: sum, Currency: a.Currency}, nil
}

func allDigits(s string) bool {
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return true
}
