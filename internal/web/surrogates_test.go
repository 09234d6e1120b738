package web_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

func TestHalfOfASurrogatePairIsRefusedAndPointedAt(t *testing.T) {
	t.Parallel()
	for document, pointer := range map[string]string{
		`"\ud800"`:                          "#",
		`{"a":"x\udc00y"}`:                  "#/a",
		`{"a":[1,{"b":"\uD83Dx"}]}`:         "#/a/1/b",
		`{"a":"\ud83d\ud83d\ude00"}`:        "#/a",
		`{"a":"\ude00\ud83d"}`:              "#/a",
		`{"a":"\\\ud800"}`:                  "#/a",
		`{"\udfff":1}`:                      "#",
		`{"a":"\ud83d\\ude00"}`:             "#/a",
		`{"a":"\ud83d\ude00","b":"\udbff"}`: "#/b",
	} {
		_, err := web.DecodeJSON([]byte(document))
		var f *fault.Error
		require.ErrorAs(t, err, &f, document)
		require.Equal(t, "invalid-request", f.Code, document)
		require.Len(t, f.Violations, 1, document)
		require.Equal(t, []string{pointer, "invalid-utf8"}, []string{f.Violations[0].Pointer, f.Violations[0].Code}, document)
	}
	for document, want := range map[string]string{
		`"\ud83d\ude00"`:             "\U0001f600",
		`"\uD83D\uDE00\uD83D\uDE00"`: "\U0001f600\U0001f600",
		`"\\ud800"`:                  `\ud800`,
		`"\ufffd"`:                   "\ufffd",
		`"\ue000\ud7ff"`:             "\ue000\ud7ff",
	} {
		value, err := web.DecodeJSON([]byte(document))
		require.NoError(t, err, document)
		require.Equal(t, want, value, document)
	}
}

func TestWhereADocumentStopsBeingJSONIsSaid(t *testing.T) {
	t.Parallel()
	for document, offset := range map[string]int64{
		`{"a":1,}`:       7,
		`{"a":1`:         6,
		`{"a":NaN}`:      5,
		`{"a":1} x`:      8,
		"\ufeff{}":       0,
		`{'a':1}`:        1,
		"{\"a\":\"\t\"}": 6,
	} {
		_, err := web.DecodeJSON([]byte(document))
		var f *fault.Error
		require.ErrorAs(t, err, &f, document)
		require.Equal(t, "malformed-json", f.Code, document)
		require.EqualValues(t, offset, f.Params["offset"], document)
	}
}
