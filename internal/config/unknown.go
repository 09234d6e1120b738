package config

import (
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Misspelt is a variable that looks like a setting of ours and is none.
type Misspelt struct {
	Name string
	// Nearest is the setting that is written most like it; none if empty.
	Nearest string
}

// Unknown are the variables of an environment that look like settings of ours
// and are none, such as one that was misspelt.
func Unknown(environ []string) []Misspelt {
	known := map[string]bool{}
	for field := range reflect.TypeFor[Config]().Fields() {
		known[field.Tag.Get("env")] = true
	}
	var out []Misspelt
	for _, variable := range slices.Sorted(slices.Values(environ)) {
		name, _, _ := strings.Cut(variable, "=")
		if strings.HasPrefix(name, "PARVIS_") && !strings.HasPrefix(name, "PARVIS_TEST_") && !known[name] {
			out = append(out, Misspelt{name, nearest(name, slices.Sorted(maps.Keys(known)))})
		}
	}
	return out
}

// nearest is the name that takes the fewest changed letters, where these are few
// enough for it to be meant.
func nearest(name string, names []string) string {
	best, fewest := "", len(name)/3
	for _, other := range names {
		if n := apart(name, other); n < fewest {
			best, fewest = other, n
		}
	}
	return best
}

// apart is how many letters are to be put in, taken away or changed to make one
// word of another (Levenshtein).
func apart(a, b string) int {
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			changed := diagonal
			if a[i] != b[j] {
				changed++
			}
			diagonal = row[j+1]
			row[j+1] = min(changed, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
