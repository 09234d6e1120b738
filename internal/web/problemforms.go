package web

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// problemForm is what a refusal looks like: a problem (RFC 9457), unless a
// standard that its clients speak has a form of its own.
type problemForm struct {
	prefix string // of the addresses where it is used, known to the router or not
	media  string
	// reshape makes the message of another form from a problem; nil keeps it.
	reshape func(h http.Header, status int, problem map[string]any) (int, map[string]any)
}

// problemForms are the exceptions, by address. The contract declares them for
// each operation, and every test that reads an answer compares.
func problemForms() []problemForm {
	return []problemForm{{prefix: "/v1/scim/v2/", media: scimJSON, reshape: scimError}}
}

func formAt(path string) problemForm {
	for _, form := range problemForms() {
		if strings.HasPrefix(path, form.prefix) {
			return form
		}
	}
	return problemForm{media: "application/problem+json"}
}

// ProblemHeader carries, where a standard's message has no room for it, what a
// program wants to know about a refusal.
const ProblemHeader = "Parvis-Problem"

// scimTypes are the kinds of SCIM errors (RFC 7644 §3.12), by our code.
func scimTypes() map[string]string {
	return map[string]string{
		"invalid-request": "invalidSyntax", "malformed-json": "invalidSyntax", "body-required": "invalidSyntax", "invalid": "invalidValue",
		"already-exists": "uniqueness", "scim-filter": "invalidFilter", "scim-path": "invalidPath", "scim-no-target": "noTarget",
		"scim-mutability": "mutability", "scim-value": "invalidValue", "scim-syntax": "invalidSyntax",
	}
}

// scimError makes the error message of RFC 7644 §3.12. What was wrong where goes
// into its text. A rule that was broken is a 400 there: SCIM knows no 422.
func scimError(h http.Header, status int, problem map[string]any) (int, map[string]any) {
	if status == http.StatusUnprocessableEntity {
		status = http.StatusBadRequest
	}
	code := fmt.Sprint(problem["code"])
	var detail strings.Builder
	fmt.Fprint(&detail, problem["detail"])
	facts := map[string]any{}
	for name, value := range problem {
		switch name {
		case "type", "title", "detail", "status", "instance", "retryable", "errors":
		default:
			facts[name] = value
		}
	}
	const mostTold = 10
	violations, _ := problem["errors"].([]map[string]any)
	places := make([]map[string]any, 0, min(len(violations), mostTold))
	for _, v := range violations[:min(len(violations), mostTold)] {
		place := map[string]any{"code": v["code"]}
		for _, member := range []string{"pointer", "parameter", "header"} {
			if at, ok := v[member].(string); ok && len(at) <= 200 {
				place[member] = at
				fmt.Fprintf(&detail, " (%s: %v)", at, v["detail"])
			}
		}
		places = append(places, place)
	}
	facts["errors"] = places
	if text, err := json.Marshal(facts); err == nil {
		h.Set(ProblemHeader, ascii(string(text)))
	}
	body := map[string]any{
		"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"}, "status": strconv.Itoa(status), "detail": detail.String(),
	}
	if kind, ok := scimTypes()[code]; ok && (status == http.StatusBadRequest || status == http.StatusConflict) {
		body["scimType"] = kind
	}
	return status, body
}

// SCIMError is the message of an error inside an answer of many, and whether it
// is one for people: anything else is a fault of ours.
func SCIMError(ctx context.Context, err error) (status int, body map[string]any, ok bool) {
	f := Fault(err)
	if f == nil {
		return 0, nil, false
	}
	status, body = scimError(http.Header{}, Status(f), Problem(ctx, f))
	return status, body, true
}

// ascii writes JSON so that it may stand in a header.
func ascii(text string) string {
	var b strings.Builder
	for _, r := range text {
		switch {
		case r < 0x80:
			b.WriteRune(r)
		case r > 0xffff:
			r -= 0x10000
			fmt.Fprintf(&b, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
