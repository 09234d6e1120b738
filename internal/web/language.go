package web

import (
	"context"

	"golang.org/x/text/language"
)

type languageKey struct{}

// Language returns the language of the answer's texts: "fr" or "en".
func Language(ctx context.Context) string {
	if l, ok := ctx.Value(languageKey{}).(string); ok {
		return l
	}
	return "fr"
}

// WithLanguage returns a context whose texts are in lang.
func WithLanguage(ctx context.Context, lang string) context.Context {
	return context.WithValue(ctx, languageKey{}, lang)
}

// negotiateLanguage picks between the languages we speak from Accept-Language
// (RFC 9110 §12.5.4); French where nothing is asked.
func negotiateLanguage(header string) string {
	if header == "" {
		return "fr"
	}
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return "fr"
	}
	for _, t := range tags {
		switch base, _ := t.Base(); base.String() {
		case "fr":
			return "fr"
		case "en":
			return "en"
		}
	}
	return "fr"
}
