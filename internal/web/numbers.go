package web

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// wholeNumbers writes whole numbers that came with a fraction or an exponent, as
// 1.0 or 1e2, without them: to a schema they are integers (JSON Schema Core
// §6.3), to what reads integers they are not.
func wholeNumbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		return whole(v)
	case []any:
		for i, item := range v {
			v[i] = wholeNumbers(item)
		}
	case map[string]any:
		for name, item := range v {
			v[name] = wholeNumbers(item)
		}
	}
	return value
}

// whole leaves alone what is no whole number, and what a float would not hold to
// the last digit.
func whole(n json.Number) json.Number {
	const exact, digits = 1 << 53, 15
	text := string(n)
	if !strings.ContainsAny(text, ".eE") || len(text) > digits {
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || f != math.Trunc(f) || math.Abs(f) > exact {
		return n
	}
	return json.Number(strconv.FormatInt(int64(f), 10))
}
