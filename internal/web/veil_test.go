package web

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A veil copies bytes; what it lets through has to be what taking the document
// apart, deleting and writing it again would let through.
func FuzzVeil(f *testing.F) {
	f.Add(`{"object":"contact","given_name":"Ana","masked":["/x"],"contact_points":[{"object":"contact_point","value":"a@b.example"},{"value":"\u0022}"}]}`)
	f.Add(`{"data":[{"object":"contact","birthdate":"1990-01-01","names":{"a\"b":[1,2,{}]}}, {} ],"next_cursor":null}`)
	f.Add(`{"object":"x","note":{"text":"s\\"},"email":[[{"note":1}]]}`)
	classes := &classNode{properties: map[string]*classNode{
		"note":       {classes: []string{"note"}},
		"email":      {classes: []string{"point"}, nullable: true},
		"given_name": {classes: []string{"identity"}, nullable: true, properties: map[string]*classNode{}},
	}}
	classes.properties["data"] = &classNode{items: classes}
	classes.properties["contact_points"] = &classNode{items: &classNode{properties: map[string]*classNode{"value": {classes: []string{"point"}}}}}
	classes.properties["names"] = &classNode{extra: classes}
	f.Fuzz(func(t *testing.T, document string) {
		var whole any
		if !json.Valid([]byte(document)) || json.Unmarshal([]byte(document), &whole) != nil || repeats(document) {
			return
		}
		for _, hidden := range []string{"note", "point", "identity"} {
			v := &veil{reads: func(class string) bool { return class != hidden }, nodes: map[*classNode]*veiled{}}
			got, gone, err := v.over(classes).mask([]byte(document))
			require.NoError(t, err)
			var reference any
			require.NoError(t, json.Unmarshal([]byte(document), &reference))
			names := takeOut(reference, classes, hidden)
			want, err := json.Marshal(reference)
			require.NoError(t, err)
			require.JSONEq(t, string(want), string(got), document)
			require.ElementsMatch(t, names, gone)
		}
	})
}

// takeOut is the plain way.
func takeOut(v any, n *classNode, class string) []string {
	var gone []string
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if n.items != nil {
				for _, p := range takeOut(item, n.items, class) {
					gone = append(gone, "/*"+p)
				}
			}
		}
	case map[string]any:
		for name, value := range v {
			p := n.properties[name]
			if p == nil {
				p = n.extra
			}
			switch {
			case p == nil:
			case slices.Contains(p.classes, class):
				gone = append(gone, "/"+pointerEscape(name))
				delete(v, name)
				if p.nullable {
					v[name] = nil
				}
			default:
				for _, q := range takeOut(value, p, class) {
					gone = append(gone, "/"+pointerEscape(name)+q)
				}
			}
		}
		slices.Sort(gone)
		if _, is := v["object"]; is && len(gone) > 0 {
			// The contract makes it a list of texts; anything else is none.
			list, _ := v["masked"].([]any)
			if slices.ContainsFunc(list, func(p any) bool { _, text := p.(string); return !text && p != nil }) {
				list = nil
			}
			for i, p := range list {
				if p == nil {
					list[i] = ""
				}
			}
			for _, p := range gone {
				if !slices.Contains(list, any(p)) {
					list = append(list, p)
				}
			}
			v["masked"] = list
		}
	}
	slices.Sort(gone)
	return slices.Compact(gone)
}

// repeats reports whether an object has a member twice, which no answer has.
func repeats(document string) bool {
	var b bytes.Buffer
	_ = json.Compact(&b, []byte(document))
	var v any
	_ = json.Unmarshal(b.Bytes(), &v)
	again, _ := json.Marshal(v)
	var c bytes.Buffer
	e := json.NewEncoder(&c)
	e.SetEscapeHTML(true)
	_ = e.Encode(v)
	return bytes.Count(b.Bytes(), []byte(":")) != bytes.Count(again, []byte(":"))
}
