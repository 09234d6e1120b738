package isolationtest

import (
	"encoding/base64"
	"slices"
	"strings"
)

// packed are the words that may be something encoded.
func packed(text string) []string {
	words := strings.FieldsFunc(text, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+/_-", r))
	})
	return slices.DeleteFunc(words, func(w string) bool { return len(w) < 16 })
}

var forURLs = strings.NewReplacer("+", "-", "/", "_")

// opened is a text and what the words in it say that are only written another
// way, such as a cursor that was encoded and not sealed.
func opened(text string) string {
	var out strings.Builder
	out.WriteString(text)
	for _, word := range packed(text) {
		if raw, err := base64.RawURLEncoding.DecodeString(forURLs.Replace(word)); err == nil {
			out.WriteString("\n")
			out.Write(raw)
		}
	}
	return out.String()
}
