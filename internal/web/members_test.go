package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

func TestAMemberThatIsThereTwiceIsRefused(t *testing.T) {
	t.Parallel()
	for document, pointer := range map[string]string{
		`{"a":1,"a":2}`:                                     "#/a",
		`{"a":1,"b":{"c":[],"d":null,"c":{}}}`:              "#/b/c",
		`{"records":[{"k":1},{"k":1,"x":[{"y":1,"y":1}]}]}`: "#/records/1/x/0/y",
		`{"a":1,"\u0061":2}`:                                "#/a",
		`{"\u00e9":1,"é":2}`:                                "#/é",
		`{"a/b~c":":","a/b~c":"{"}`:                         "#/a~1b~0c",
		`{"a":{"b":1,"b":2},"a":{}}`:                        "#/a/b",
		`[1,[2,{"":true,"":"\"}"}]]`:                        "#/1/1/",
		`{"a":1,"a":1,"nul":"\u0000"}`:                      "#/a",
	} {
		_, err := web.DecodeJSON([]byte(document))
		var f *fault.Error
		require.ErrorAs(t, err, &f, document)
		require.Equal(t, "malformed-json", f.Code, document)
		require.Equal(t, fault.Malformed, f.Kind, document)
		require.Len(t, f.Violations, 1, document)
		require.Equal(t, []string{pointer, "repeated-member"}, []string{f.Violations[0].Pointer, f.Violations[0].Code}, document)
	}
	for _, document := range []string{
		`{}`, `[]`, `":"`, `{"a":":","b":"a\":"}`, `{"a":{"a":{"a":1}},"b":{"a":1}}`, `[{"a":1},{"a":1}]`, `{"A":1,"a":2,"é":3,"e\u0301":4}`, `{"a" : 1 , "b":[{"c":"::{}"}]}`,
	} {
		_, err := web.DecodeJSON([]byte(document))
		require.NoError(t, err, document)
	}
}

// plainlyRepeats is the plain way: every name of every object, one after another.
func plainlyRepeats(d *json.Decoder) bool {
	token, err := d.Token()
	if err != nil {
		return false
	}
	repeats := false
	switch token {
	case json.Delim('{'):
		seen := map[any]bool{}
		for d.More() {
			name, _ := d.Token()
			repeats = repeats || seen[name]
			seen[name] = true
			repeats = plainlyRepeats(d) || repeats
		}
		_, _ = d.Token()
	case json.Delim('['):
		for d.More() {
			repeats = plainlyRepeats(d) || repeats
		}
		_, _ = d.Token()
	}
	return repeats
}

func FuzzRepeatedMembers(f *testing.F) {
	for _, document := range []string{
		`{"a":1,"a":2}`, `{"a":1,"\u0061":2}`, `{"a":[{"b":1,"b":{}}],"c":":"}`, `[{"a":1},{"a":"\":"}]`, `{"\ud800":1,"\ud801":2}`, `{"":{"":{"":0}}}`,
	} {
		f.Add([]byte(document))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		if !json.Valid(raw) {
			return
		}
		_, err := web.DecodeJSON(raw)
		var refused *fault.Error
		if err != nil {
			require.ErrorAs(t, err, &refused)
			if refused.Code != "malformed-json" && len(refused.Violations) == 1 && (refused.Violations[0].Code == "too-deep" || refused.Violations[0].Pointer == "#" && refused.Violations[0].Code == "invalid-utf8" && !utf8.Valid(raw)) {
				return
			}
		}
		d := json.NewDecoder(strings.NewReader(string(raw)))
		d.UseNumber()
		require.Equal(t, plainlyRepeats(d), refused != nil && refused.Code == "malformed-json", "%q: %v", raw, err)
	})
}

func BenchmarkDecodeJSON(b *testing.B) {
	contact := `{"kind":"person","civility":"mme","given_name":"Anne","family_name":"Durand","birth_name":"Le Goff","birthdate":"1970-01-01","locale":"fr-FR",` +
		`"contact_points":[{"kind":"email","value":"anne.durand@example.org","is_primary":true},{"kind":"phone","value":"+33612345678"}],` +
		`"addresses":[{"lines":["3 quai des Forges"],"postal_code":"44000","city":"Nantes","country":"FR"}],"tags":["abonnés"],"external_ids":[{"system":"billetterie","value":"C-1"}]}`
	orders := make([]string, 500)
	for i := range orders {
		orders[i] = fmt.Sprintf(`{"kind":"order","external_id":"o%d","data":{"commercial_state":"confirmed","buyer":{"given_name":"Anne","family_name":"Durand","email":"a%[1]d@example.org"},`+
			`"lines":[{"external_id":"t%[1]d","amount":"28.00","state":"valid","price_type":"plein","performance":"p1"}],"payments":[{"external_id":"p1","amount":"28.00","state":"settled","method":"card"}]}}`, i)
	}
	for name, body := range map[string]string{"contact": contact, "orders": `{"records":[` + strings.Join(orders, ",") + `]}`} {
		b.Run(name, func(b *testing.B) {
			raw := []byte(body)
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := web.DecodeJSON(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
