package web

import (
	"context"
	"strconv"
	"strings"
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
	weight := map[string]float64{}
	for part := range strings.SplitSeq(header, ",") {
		name, parameters, _ := strings.Cut(part, ";")
		q := 1.0
		if text, is := strings.CutPrefix(strings.ReplaceAll(strings.ToLower(parameters), " ", ""), "q="); is {
			var err error
			if q, err = strconv.ParseFloat(text, 64); err != nil || q < 0 || q > 1 {
				continue
			}
		}
		base, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "-")
		if known, named := weight[base]; !named || q > known {
			weight[base] = q
		}
	}
	of := func(lang string) float64 {
		if q, named := weight[lang]; named {
			return q
		}
		return weight["*"]
	}
	// Of two that are asked for alike, the first; of none, the house's.
	switch fr, en := of("fr"), of("en"); {
	case en > fr, en == fr && en > 0 && asksFirst(header, "en", "fr"):
		return "en"
	}
	return "fr"
}

// asksFirst reports whether a header names one language before another.
func asksFirst(header, one, other string) bool {
	for part := range strings.SplitSeq(strings.ToLower(header), ",") {
		name, _, _ := strings.Cut(strings.TrimSpace(part), ";")
		switch base, _, _ := strings.Cut(strings.TrimSpace(name), "-"); base {
		case one:
			return true
		case other:
			return false
		}
	}
	return false
}
