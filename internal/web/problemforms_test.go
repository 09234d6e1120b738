package web

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestASCIIStaysTheSameJSON(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(map[string]string{"é": "œuvre 🎭\n\"x\""})
	require.NoError(t, err)
	for _, r := range ascii(string(text)) {
		require.Less(t, r, rune(0x80))
		require.GreaterOrEqual(t, r, rune(0x20))
	}
	require.JSONEq(t, string(text), ascii(string(text)))
}

func TestScimErrorFromAProblem(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	status, body := scimError(h, 422, map[string]any{
		"code": "invalid", "detail": "Non.", "request_id": "r", "errors": []map[string]any{{"code": "required", "detail": "Il manque.", "pointer": "#/userName"}},
	})
	require.Equal(t, 400, status)
	require.Equal(t, "400", body["status"])
	require.Equal(t, "invalidValue", body["scimType"])
	require.Equal(t, "Non. (#/userName: Il manque.)", body["detail"])
	require.JSONEq(t, `{"code":"invalid","request_id":"r","errors":[{"code":"required","pointer":"#/userName"}]}`, h.Get(ProblemHeader))
}
