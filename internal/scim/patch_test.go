package scim

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

type object = map[string]any

// Directories write the same change in many ways.
func TestPatchAsDirectoriesWriteIt(t *testing.T) {
	t.Parallel()
	work := object{"value": "a@x.example", "type": "work", "primary": true}
	for name, c := range map[string]struct {
		before  document
		changes []change
		after   document
	}{
		"RFC: add without a path":         {document{}, []change{{"add", "", object{"emails": []any{object{"value": "a@x.example", "type": "work", "primary": true}}, "nickName": "Babs"}}}, document{"emails": []any{work}}},
		"RFC: add what is there":          {document{"emails": []any{work}}, []change{{"add", "emails", []any{work}}}, document{"emails": []any{work}}},
		"RFC: remove by a filter":         {document{"emails": []any{work, object{"type": "home", "value": "b@x.example"}}}, []change{{"remove", `emails[type eq "work" and value ew "x.example"]`, nil}}, document{"emails": []any{object{"type": "home", "value": "b@x.example"}}}},
		"RFC: remove all":                 {document{"emails": []any{work}}, []change{{"remove", "emails", nil}}, document{}},
		"RFC: replace a part by a filter": {document{"emails": []any{work}}, []change{{"replace", `emails[type eq "work"].value`, "c@x.example"}}, document{"emails": []any{object{"value": "c@x.example", "type": "work", "primary": true}}}},
		"RFC: replace keeps other parts":  {document{"name": object{"givenName": "A", "familyName": "B"}}, []change{{"replace", "name", object{"givenName": "C"}}}, document{"name": object{"givenName": "C", "familyName": "B"}}},
		"RFC: one primary":                {document{"emails": []any{work}}, []change{{"add", "emails", []any{object{"value": "b@x.example", "primary": true}}}}, document{"emails": []any{object{"value": "a@x.example", "type": "work", "primary": false}, object{"value": "b@x.example", "primary": true}}}},
		"RFC: with the schema":            {document{}, []change{{"add", userURN + ":name.givenName", "A"}}, document{"name": object{"givenName": "A"}}},
		"RFC: null is absent":             {document{"title": "x"}, []change{{"replace", "title", nil}}, document{}},
		"Entra: text for a boolean":       {document{"active": true}, []change{{"replace", "active", "False"}}, document{"active": false}},
		"Entra: a list for one value":     {document{"active": true}, []change{{"replace", "active", []any{object{"value": "False"}}}}, document{"active": false}},
		"Entra: add to what is not there": {document{}, []change{{"add", `emails[type eq "work"].value`, "a@x.example"}}, document{"emails": []any{object{"value": "a@x.example", "type": "work"}}}},
		"Entra: dotted without a path":    {document{}, []change{{"add", "", object{"name.givenName": "A", `emails[type eq "work"].value`: "a@x.example"}}}, document{"name": object{"givenName": "A"}, "emails": []any{object{"value": "a@x.example", "type": "work"}}}},
		"Entra: an extension":             {document{}, []change{{"add", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "x"}, {"replace", `phoneNumbers[type eq "work"].value`, "1"}}, document{}},
		"Okta: replace without a path":    {document{"active": true}, []change{{"replace", "", object{"active": false, "id": "1", "groups": []any{}}}}, document{"active": false}},
		"remove what is not there":        {document{"emails": []any{work}}, []change{{"remove", `emails[type eq "home"]`, nil}, {"remove", "title", nil}}, document{"emails": []any{work}}},
	} {
		after, err := userKind().apply(c.before, c.changes)
		require.NoError(t, err, name)
		require.Equal(t, c.after, after, name)
	}
}

// model is what a user is after changes, told without documents and paths.
type model struct {
	single map[string]string
	emails []string // type and address
}

func (m model) document() document {
	doc := document{}
	name := object{}
	for key, value := range m.single {
		switch {
		case value == "":
		case key == "title" || key == "displayName":
			doc[key] = value
		default:
			name[key] = value
		}
	}
	doc.set("name", name)
	var emails []any
	for _, e := range m.emails {
		emails = append(emails, object{"type": e[:4], "value": e[4:]})
	}
	doc.set("emails", emails)
	return doc
}

func TestPatchEqualsTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		m := model{single: map[string]string{}}
		doc := document{}
		paths := map[string]string{"title": "title", "displayName": "displayName", "givenName": "name.givenName", "familyName": "name.familyName"}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			var c change
			word := rapid.SampledFrom([]string{"a", "B", "é"}).Draw(t, "word")
			kind := rapid.SampledFrom([]string{"work", "home"}).Draw(t, "kind")
			key := rapid.SampledFrom([]string{"title", "displayName", "givenName", "familyName"}).Draw(t, "key")
			same := func(e string) bool { return e == kind+word }
			ofKind := func(e string) bool { return e[:4] == kind }
			switch rapid.IntRange(0, 6).Draw(t, "what") {
			case 0:
				c = change{rapid.SampledFrom([]string{"add", "replace"}).Draw(t, "op"), paths[key], word}
				m.single[key] = word
			case 1:
				c = change{"remove", paths[key], nil}
				delete(m.single, key)
			case 2:
				c = change{"add", "emails", object{"type": kind, "value": word}}
				if !slices.ContainsFunc(m.emails, same) {
					m.emails = append(m.emails, kind+word)
				}
			case 3:
				c = change{"replace", "emails", []any{object{"type": kind, "value": word}}}
				m.emails = []string{kind + word}
			case 4:
				c = change{"remove", fmt.Sprintf(`emails[type eq %q]`, kind), nil}
				m.emails = slices.DeleteFunc(m.emails, ofKind)
			case 5:
				c = change{"remove", fmt.Sprintf(`emails[type eq %q and value eq %q]`, kind, word), nil}
				m.emails = slices.DeleteFunc(m.emails, same)
			case 6:
				c = change{"add", fmt.Sprintf(`emails[type eq %q].value`, kind), word}
				if !slices.ContainsFunc(m.emails, ofKind) {
					m.emails = append(m.emails, kind+word)
					break
				}
				var kept []string
				for _, e := range m.emails {
					if ofKind(e) {
						e = kind + word
					}
					if !slices.Contains(kept, e) {
						kept = append(kept, e)
					}
				}
				m.emails = kept
			}
			before := fmt.Sprint(doc)
			after, err := userKind().apply(doc, []change{c})
			require.NoError(t, err)
			require.Equal(t, before, fmt.Sprint(doc), "what was there is left alone")
			doc = after
			require.Equal(t, m.document(), doc, "%+v", c)
		}
	})
}
