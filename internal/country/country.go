// Package country knows which countries there are (ISO 3166-1).
package country

import (
	"slices"

	"golang.org/x/text/language"
)

// withdrawn are the codes of countries that are none any more (ISO 3166-3).
var withdrawn = []string{"AN", "BU", "CS", "DD", "FX", "NT", "SU", "TP", "YD", "YU", "ZR"}

// Exists reports whether two capital letters are the code of a country today:
// neither withdrawn nor only reserved beside another, as UK is.
func Exists(code string) bool {
	region, err := language.ParseRegion(code)
	return err == nil && len(code) == 2 && region.IsCountry() && region.Canonicalize() == region && region.String() == code && !slices.Contains(withdrawn, code)
}
