package preferences_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestOthersMakeNoLinksToOurs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.OtherTenant()
	other.Post(linksPath(w.person, w.email), map[string]any{}).Problem(http.StatusNotFound, "not-found")
	theirs := w.contact(t, other, "Camille")
	other.Post(linksPath(theirs, w.email), map[string]any{}).Problem(http.StatusNotFound, "not-found")
	point := w.point(other, theirs, "email", "camille@example.org")

	// The same address elsewhere is another person's business.
	link := parvistest.Here(other.Post(linksPath(theirs, point), map[string]any{}).Is(http.StatusCreated).JSON()["url"].(string))
	require.Empty(t, w.Anonymous().Get(link).Is(http.StatusOK).JSON()["preferences"], "they have registered no purposes")
	w.give("agenda", "email", w.email)
	w.clock.Advance(time.Minute)
	w.public(link, asForm, click).Is(http.StatusOK)
	require.Equal(t, "given", w.states()["agenda:email"])
}
