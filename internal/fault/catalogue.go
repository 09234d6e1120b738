package fault

import (
	"fmt"
	"strings"
)

// Text is what people read about a code: Title and Detail appear in problems,
// Fix on the page of the code. Placeholders such as {limit} are filled from the
// fault's parameters.
type Text struct {
	Title, Detail, Fix string
}

// Texts maps a code to its text in each language we speak.
type Texts map[string]struct{ FR, EN Text }

// Lookup finds the text of a code in the language lang ("fr" or "en"), and
// reports whether the catalogue knows the code.
func Lookup(code, lang string) (Text, bool) {
	for _, texts := range catalogue() {
		if t, ok := texts[code]; ok {
			if lang == "en" {
				return t.EN, true
			}
			return t.FR, true
		}
	}
	return Text{}, false
}

// Codes lists every code of the catalogue.
func Codes() []string {
	var codes []string
	for _, texts := range catalogue() {
		for code := range texts {
			codes = append(codes, code)
		}
	}
	return codes
}

// Fill replaces the placeholders of a sentence.
func Fill(sentence string, params map[string]any) string {
	for name, value := range params {
		sentence = strings.ReplaceAll(sentence, "{"+name+"}", fmt.Sprint(value))
	}
	return sentence
}

// catalogue gathers the texts: one file a domain, one line here.
func catalogue() []Texts {
	return []Texts{
		platformTexts,
		transferTexts,
		conformanceTexts,
		violationTexts,
		eventTexts,
		contactTexts,
		connectorTexts,
		consentTexts,
		preferenceTexts,
		webhookTexts,
		ticketingTexts,
		sibilTexts,
		accessTexts,
		accountTexts,
		rightsTexts,
		scimTexts,
		formTexts,
		vaultTexts, siemTexts,
	}
}
