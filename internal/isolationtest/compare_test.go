package isolationtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"sort"
	"strings"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

var (
	anID      = regexp.MustCompile(`[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}`)
	anInstant = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`)
	aDigest   = regexp.MustCompile(`[0-9a-f]{64}`)
	aPlace    = regexp.MustCompile(`("sequence":|sequence |greatest value is )\d+`)
	aNumber   = regexp.MustCompile(`\d+`)
)

// varying are headers whose value belongs to the single request.
var varying = map[string]bool{"Request-Id": true, "Date": true, "Content-Length": true, "Traceparent": true}

// shape is all of an answer that could tell two askers apart: its status, its
// headers and its body, without what differs between any two requests.
func shape(a *parvistest.Answer, sent names) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d\n", a.Status)
	for _, name := range slices.Sorted(maps.Keys(map[string][]string(a.Header))) {
		if varying[name] {
			fmt.Fprintf(&b, "%s\n", name)
			continue
		}
		value := neutral(strings.Join(a.Header[name], "|"), sent)
		if strings.HasPrefix(name, "Ratelimit") || name == "Etag" || name == "Retry-After" {
			value = aNumber.ReplaceAllString(value, "N")
		}
		fmt.Fprintf(&b, "%s: %s\n", name, value)
	}
	body := neutral(string(a.Body), sent)
	var v any
	if json.Unmarshal([]byte(body), &v) == nil {
		if tidy, err := json.Marshal(v); err == nil {
			body = string(tidy)
		}
	}
	return b.String() + body
}

// neutral replaces what was asked for, identifiers and instants.
func neutral(s string, sent names) string {
	values := slices.Collect(maps.Values(sent))
	sort.Slice(values, func(i, j int) bool { return len(values[i]) > len(values[j]) }) // a name within a name
	for _, v := range values {
		if len(v) > 4 && v != "order" {
			s = strings.ReplaceAll(s, v, "ID")
		}
	}
	s = aPlace.ReplaceAllString(aDigest.ReplaceAllString(s, "DIGEST"), `${1}0`)
	return anInstant.ReplaceAllString(anID.ReplaceAllString(s, "ID"), "INSTANT")
}

// tells is the first of the secrets that an answer gives away, or "".
func tells(a *parvistest.Answer, secrets []string, asked string) string {
	var whole strings.Builder
	whole.Write(a.Body)
	for name, values := range a.Header {
		if name != http.CanonicalHeaderKey("Request-Id") {
			whole.WriteString("\n" + strings.Join(values, " "))
		}
	}
	text := strings.ToLower(opened(whole.String()))
	for _, s := range secrets {
		if !strings.Contains(asked, s) && strings.Contains(text, strings.ToLower(s)) { // otherwise the asker knew
			return s
		}
	}
	return ""
}
