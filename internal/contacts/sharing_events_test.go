package contacts_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestTheLogStaysContiguousForWhoDoesNotSeeAll(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	hidden := h.contact("Cachée", object{"department_ids": []string{h.museum}, "contact_points": []object{{"kind": "email", "value": "cachee@example.org"}}})
	shown := h.contact("Visible", object{"department_ids": []string{h.theatre}})
	parvistest.Eventually(t, "the last event to be numbered", func() bool {
		return len(h.Get("/v1/events?subject_id="+shown).Data()) == 1
	})
	all := h.Get("/v1/events?limit=1000").Is(200)
	mine := h.atTheatre.Get("/v1/events?limit=1000").Is(200)
	require.Equal(t, all.JSON()["next_after"], mine.JSON()["next_after"])
	require.Len(t, mine.Data(), len(all.Data()))
	require.NotContains(t, string(mine.Body), hidden)
	withheld := 0
	rolling := sha256.New()
	for i, e := range mine.Data() {
		whole := all.Data()[i]
		require.Equal(t, whole["sequence"], e["sequence"])
		require.Equal(t, whole["digest"], e["digest"])
		id := e["id"]
		if e["type"] == "withheld" {
			withheld, id = withheld+1, "-"
			require.Len(t, e, 3)
			require.Equal(t, hidden, firstOf(whole["data"].(object)["facts"].(object)["contact_id"], whole["data"].(object)["id"]))
		}
		_, _ = fmt.Fprintf(rolling, "%v %v %v\n", e["sequence"], id, e["digest"])
	}
	require.Equal(t, 2, withheld)
	digest := h.atTheatre.Get("/v1/events/digest").Is(200).JSON()
	require.Equal(t, hex.EncodeToString(rolling.Sum(nil)), digest["rolling_hash"])
	require.Equal(t, h.Get("/v1/events/digest").JSON()["digest"], digest["digest"])

	require.Len(t, h.atTheatre.Get("/v1/events?types=contact.*").Data(), 1, "asked for by type, it is left out")
	require.Empty(t, h.atTheatre.Get("/v1/events?subject_id="+hidden).Data())
	about := h.Get("/v1/events?subject_id=" + hidden).Data()[0]["id"].(string)
	h.Get("/v1/events/" + about).Is(200)
	h.atTheatre.Get("/v1/events/"+about).Problem(404, "not-found")
	h.atTheatre.Get("/v1/events/"+about+"/changes").Problem(404, "not-found")
}

func firstOf(a, b any) any {
	if a != nil {
		return a
	}
	return b
}

func TestAnEventDoesNotTellHowToReachSomebody(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	id := h.contact("Noël", object{"department_ids": []string{h.museum}, "contact_points": []object{{"kind": "email", "value": "zoe@example.org"}}})
	h.Put("/v1/contacts/"+id+"/departments/"+h.theatre, object{"verbs": []string{"see"}}).Is(200)
	var added []map[string]any
	parvistest.Eventually(t, "the event", func() bool {
		added = h.atTheatre.Get("/v1/events?types=contact_point.added").Data()
		return len(added) == 1
	})
	changes := h.atTheatre.Get("/v1/events/" + added[0]["id"].(string) + "/changes").Is(200)
	require.NotContains(t, string(changes.Body), "zoe@")
	require.Contains(t, changes.JSON()["masked"], "/value")
	require.Equal(t, false, changes.JSON()["erased"])
	require.Contains(t, string(h.atMuseum.Get("/v1/events/"+added[0]["id"].(string)+"/changes").Is(200).Body), "zoe@")
}
