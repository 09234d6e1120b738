package pretix

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// shredded is what pretix writes where it has removed something about a person.
const shredded = "█"

func text(p *string) string {
	if p == nil {
		return ""
	}
	return plain(*p)
}

func plain(s string) string {
	s = strings.TrimSpace(s)
	if strings.HasPrefix(s, shredded) {
		return ""
	}
	return s
}

// nameParts are the parts of a name by the organizer's scheme. Members that are
// not text say something else, such as that the name was removed.
type nameParts map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (n *nameParts) UnmarshalJSON(raw []byte) error {
	*n = nil
	var all map[string]any
	if json.Unmarshal(raw, &all) == nil {
		*n = nameParts{}
		for name, value := range all {
			if s, ok := value.(string); ok {
				(*n)[name] = plain(s)
			}
		}
	}
	return nil
}

func first(times ...*time.Time) *time.Time {
	i := slices.IndexFunc(times, func(t *time.Time) bool { return t != nil })
	if i < 0 {
		return nil
	}
	return times[i]
}

// basisPoints reads a rate in percent, "5.50".
func basisPoints(rate *string) *int32 {
	f, err := strconv.ParseFloat(text(rate), 64)
	if err != nil || f < 0 || f > 100 {
		return nil
	}
	bp := int32(math.Round(f * 100))
	return &bp
}

// names divides a name as the organizer's scheme does: given and family, or the
// whole where it is not divided.
func names(parts nameParts, whole string) (given, family, full string) {
	given, family = strings.TrimSpace(parts["given_name"]), strings.TrimSpace(parts["family_name"])
	if middle := strings.TrimSpace(parts["middle_name"]); middle != "" && given != "" {
		given += " " + middle
	}
	if given != "" || family != "" {
		return port.Clip(given, 120), port.Clip(family, 120), ""
	}
	for _, key := range []string{"full_name", "_legacy"} {
		if v := strings.TrimSpace(parts[key]); v != "" {
			return "", "", port.Clip(v, 240)
		}
	}
	return "", "", port.Clip(whole, 240)
}

func address(street, zipcode, city, country *string) *port.Address {
	a := port.Address{Street: port.Clip(strings.Join(strings.Fields(text(street)), " "), 200), PostalCode: port.Clip(text(zipcode), 20), City: port.Clip(text(city), 120)}
	if c := strings.ToUpper(text(country)); len(c) == 2 {
		a.Country = c
	}
	// A country alone is the form's default and says nothing.
	if a.Street == "" && a.PostalCode == "" && a.City == "" {
		return nil
	}
	return &a
}

// multilingual is a text by language, or one text.
type multilingual map[string]string

// UnmarshalJSON implements json.Unmarshaler.
func (m *multilingual) UnmarshalJSON(raw []byte) error {
	*m = multilingual{}
	var by map[string]*string
	if json.Unmarshal(raw, &by) == nil {
		for lang, t := range by {
			if t != nil && strings.TrimSpace(*t) != "" {
				(*m)[lang] = *t
			}
		}
		return nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil && one != "" {
		(*m)["und"] = one
	}
	return nil
}

// neutral keeps each language once: keys such as de-informal are German spoken
// to friends, and stand in only where there is no plain German.
func (m multilingual) neutral() port.Text {
	out := port.Text{}
	for lang, t := range m {
		base := strings.TrimSuffix(lang, "-informal")
		if _, plain := m[base]; base != lang && plain {
			continue
		}
		out[base] = port.Clip(t, 400)
	}
	return out
}

// in gives the text in the first of the languages that it has, or in any.
func (m multilingual) in(languages []string) string {
	for _, l := range languages {
		if t := m[l]; t != "" {
			return t
		}
	}
	var keys []string
	for l := range m {
		keys = append(keys, l)
	}
	slices.Sort(keys)
	if len(keys) == 0 {
		return ""
	}
	return m[keys[0]]
}
