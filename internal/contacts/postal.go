package contacts

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// Limits of NF Z 10-011.
const (
	postalWidth  = 38
	streetWidth  = 32 // longer streets are abbreviated
	postalHeight = 6  // without the country
)

// PostalLines are the lines of an address as they are printed (NF Z 10-011): at
// most six, and the country of foreign ones, none longer than 38 characters,
// the last three in capitals without punctuation. What is kept stays as typed.
func PostalLines(c Contact, a Address) []string {
	value := func(s *string) string {
		if s == nil {
			return ""
		}
		return *s
	}
	first, second := c.DisplayName, value(a.Delivery)
	if recipient := value(a.Recipient); recipient != "" {
		if c.Kind == Organisation {
			second = strings.TrimSpace(recipient + " " + second) // the company first, then who in it
		} else {
			first = recipient
		}
	}
	foreign := a.Country != DefaultRegion
	capital := capitals
	if foreign {
		capital = foreignCapitals
	}
	street := capital(value(a.Street))
	if !foreign {
		street = abbreviated(street, streetWidth)
	}
	lines := []string{first, second, value(a.Building), street, capital(value(a.Locality))}
	lines = append(lines, lastLines(a.Country, capital(value(a.PostalCode)), capital(value(a.City)))...)
	lines = fit(lines)
	if foreign {
		lines = append(lines, clip(countryName(a.Country), postalWidth))
	}
	return lines
}

// lastLines are town and code, in the order of the country.
func lastLines(country, code, city string) []string {
	switch country {
	case "GB", "IE":
		return []string{city, code}
	case "US", "CA", "AU":
		return []string{strings.TrimSpace(city + " " + code)}
	}
	return []string{strings.TrimSpace(code + " " + city)}
}

// fit drops empty lines, brings each to its width and all to their number.
func fit(in []string) []string {
	lines := make([]string, 0, len(in))
	for _, l := range in {
		if l = strings.Join(strings.Fields(l), " "); l != "" {
			lines = append(lines, l)
		}
	}
	for len(lines) > postalHeight {
		lines[1] += " " + lines[2]
		lines = append(lines[:2], lines[3:]...)
	}
	for i, l := range lines {
		lines[i] = cut(abbreviated(l, postalWidth))
	}
	return lines
}

// cut shortens a line at the end of a word.
func cut(line string) string {
	if utf8.RuneCountInString(line) <= postalWidth {
		return line
	}
	runes := []rune(line)[:postalWidth]
	if at := strings.LastIndexByte(string(runes), ' '); at > postalWidth/2 {
		return strings.TrimSpace(string(runes)[:at])
	}
	return strings.TrimSpace(string(runes))
}

// capitals is a text in the letters that sorting machines read.
func capitals(s string) string {
	folded := strings.ToUpper(Fold(s))
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return ' '
	}, folded)), " ")
}

// foreignCapitals keeps the letters of the country.
func foreignCapitals(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return -1
		}
		return unicode.ToUpper(r)
	}, s)
}

// abbreviated shortens the words that the norm abbreviates, from the left,
// until the line fits.
func abbreviated(line string, width int) string {
	if utf8.RuneCountInString(line) <= width {
		return line
	}
	short := map[string]string{
		"ALLEE": "ALL", "ALLEES": "ALL", "APPARTEMENT": "APP", "AVENUE": "AV", "BATIMENT": "BAT", "BOULEVARD": "BD", "CENTRE": "CTRE",
		"CHEMIN": "CHE", "CITE": "CITE", "COLONEL": "CEL", "COMMANDANT": "CDT", "COMMERCIAL": "CCAL", "DOCTEUR": "DR", "ESCALIER": "ESC", "ESPLANADE": "ESP",
		"ETAGE": "ETG", "FAUBOURG": "FG", "GENERAL": "GAL", "IMMEUBLE": "IMM", "IMPASSE": "IMP", "LIEUTENANT": "LT", "LOTISSEMENT": "LOT",
		"MADAME": "MME", "MARECHAL": "MAL", "MONSIEUR": "M", "PASSAGE": "PAS", "PLACE": "PL", "PRESIDENT": "PDT", "PROFESSEUR": "PR", "PROMENADE": "PROM",
		"QUARTIER": "QUA", "RESIDENCE": "RES", "ROND": "RD", "ROUTE": "RTE", "SAINT": "ST", "SAINTE": "STE", "SQUARE": "SQ", "VILLAGE": "VGE",
		"ZONE": "Z", "INDUSTRIELLE": "IND", "ARTISANALE": "ART",
	}
	words := strings.Fields(line)
	for i, w := range words {
		if s, ok := short[strings.ToUpper(Fold(w))]; ok {
			words[i] = s
		}
		if utf8.RuneCountInString(strings.Join(words, " ")) <= width {
			break
		}
	}
	return strings.Join(words, " ")
}

// countryName is the name of a country in French capitals, as the Universal
// Postal Union wants it in the country of posting.
func countryName(code string) string {
	region, err := language.ParseRegion(code)
	if err != nil {
		return code
	}
	name := capitals(display.Regions(language.French).Name(region))
	if name == "" {
		return code
	}
	return name
}
