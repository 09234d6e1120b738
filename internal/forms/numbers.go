package forms

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// decimal is a number as it was written, 0.digits × 10^scale, so that it is
// compared to its last digit, whatever its size.
type decimal struct {
	negative bool
	digits   string // without zeros at either end; empty: zero
	scale    int
}

// hugeScale stands for exponents that no number here has.
const hugeScale = 1 << 30

func decimalOf(n json.Number) decimal {
	text, negative := strings.CutPrefix(string(n), "-")
	mantissa, exponent := text, 0
	if at := strings.IndexAny(text, "eE"); at >= 0 {
		var err error
		mantissa = text[:at]
		if exponent, err = strconv.Atoi(text[at+1:]); err != nil || exponent > hugeScale || exponent < -hugeScale {
			exponent = hugeScale
			if strings.HasPrefix(text[at+1:], "-") {
				exponent = -hugeScale
			}
		}
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	scale := len(digits) - len(fraction) + exponent
	if digits = strings.TrimRight(digits, "0"); digits == "" {
		return decimal{}
	}
	return decimal{negative, digits, scale}
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}

// compare is negative where d is less than o, zero where they are one number.
func (d decimal) compare(o decimal) int {
	sign := d.sign()
	switch {
	case sign != o.sign():
		return sign - o.sign()
	case d.scale != o.scale:
		return sign * (d.scale - o.scale)
	}
	return sign * strings.Compare(d.digits, o.digits)
}

func (d decimal) whole() bool { return len(d.digits) <= d.scale || d.digits == "" }

// double reads a number as what programs on a page hold it in; exactly reports
// whether that keeps its last digit.
func double(n json.Number) (value float64, exactly bool) {
	value, err := strconv.ParseFloat(string(n), 64)
	if err != nil {
		return value, false
	}
	return value, decimalOf(json.Number(strconv.FormatFloat(value, 'e', -1, 64))) == decimalOf(n)
}

// readable writes a bound as people write numbers; only what would fill a line
// with zeros has an exponent.
func readable(n json.Number) string {
	value, exactly := double(n)
	if !exactly {
		return string(n)
	}
	if size := math.Abs(value); size != 0 && (size >= 1e21 || size < 1e-7) {
		return strconv.FormatFloat(value, 'g', -1, 64)
	}
	return strconv.FormatFloat(value, 'f', -1, 64)
}
