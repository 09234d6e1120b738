package preferences_test

import (
	"mime"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func decoded(t *testing.T, header string) string {
	t.Helper()
	text, err := new(mime.WordDecoder).DecodeHeader(header)
	require.NoError(t, err)
	return text
}

func TestWhoMayMakeLinks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	at := linksPath(w.person, w.email)
	w.As("consents:read").Post(at, map[string]any{}).Problem(http.StatusForbidden, "insufficient-scope")
	w.As("contacts:write").Post(at, map[string]any{}).Problem(http.StatusForbidden, "insufficient-scope")
	w.Anonymous().Post(at, map[string]any{}).Is(http.StatusUnauthorized)
	w.As("consents:write").Post(at, map[string]any{}).Is(http.StatusCreated)
}

// Whoever has a link acts as the link and as nobody else.
func TestTheLedgerNamesTheLink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	made := w.Post(linksPath(w.person, w.email), map[string]any{}).Is(http.StatusCreated)
	w.public(parvistest.Here(made.JSON()["url"].(string)), asForm, click, parvistest.Header("Authorization", "Bearer "+w.Key)).Is(http.StatusOK)
	require.Equal(t, 2, count(t, w, "select count(*) from crm.consents where actor_kind = 'preference_link' and actor_id = $1", made.ID()))
	require.Equal(t, 2, count(t, w, "select count(*) from crm.events where type = 'consent.withdrawn' and actor_kind = 'preference_link'"))
}
