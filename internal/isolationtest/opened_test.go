package isolationtest

import (
	"encoding/base64"
	"regexp"
	"strings"
)

var packed = regexp.MustCompile(`[A-Za-z0-9+/_-]{16,}`)

// opened is a text and what the words in it say that are only written another
// way, such as a cursor that was encoded and not sealed.
func opened(text string) string {
	var out strings.Builder
	out.WriteString(text)
	for _, word := range packed.FindAllString(text, -1) {
		word = strings.NewReplacer("+", "-", "/", "_").Replace(word)
		if raw, err := base64.RawURLEncoding.DecodeString(word); err == nil {
			out.WriteString("\n")
			out.Write(raw)
		}
	}
	return out.String()
}
