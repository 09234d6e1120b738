package webhooks_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

// What a webhook carries of somebody was read on behalf of whoever made the
// endpoint: one entry for each attempt, with the event's id as that of the request.
func TestWhatAWebhookCarriesIsAReadInTheLog(t *testing.T) {
	t.Parallel()
	program := parvistest.New(t, quickly(3))
	m := newMaker(t, program, nil)
	whole, thin := newReceiver(t), newReceiver(t)
	subscribe(t, m.Client, whole.URL, object{"payload": "full", "event_types": []string{"contact.*", "tag.*"}})
	subscribe(t, program.Client, thin.URL, object{"event_types": []string{"contact.*"}})
	id := person(program, "Ondine", "")
	parvistest.Eventually(t, "both have it", func() bool { return len(whole.of("contact.created")) == 1 && len(thin.of("contact.created")) == 1 })

	reads := func() []object {
		var out []object
		for _, r := range program.Get("/v1/audit/reads?contact_id=" + id).Is(http.StatusOK).Data() {
			if r["operation"] == "webhook" {
				out = append(out, r)
			}
		}
		return out
	}
	parvistest.Eventually(t, "the read is in the log", func() bool { return len(reads()) > 0 })
	require.Len(t, reads(), 1, "an event without the record is none")
	r := reads()[0]
	require.Equal(t, object{"kind": "api_key", "id": m.id}, r["actor"])
	require.Equal(t, whole.of("contact.created")[0].id(), r["request_id"])

	// Where reading somebody who is restricted needs a reason, a webhook has none.
	policy := object{"operations": []string{}, "purposes": []string{}, "restricted": true, "noted": "all"}
	program.Put("/v1/audit/read-policy", policy).Is(http.StatusOK)
	seeing := newMaker(t, program, object{"verbs": []string{"see", "see_contact_points", "see_restricted"}})
	told := newReceiver(t)
	subscribe(t, seeing.Client, told.URL, object{"payload": "full", "event_types": []string{"contact.*"}})
	program.Post("/v1/contacts/"+id+"/restrict", object{"reason": "discrétion"}).Is(http.StatusOK)
	parvistest.Eventually(t, "it is told", func() bool { return len(told.of("contact.restricted")) == 1 })
	require.NotContains(t, string(told.of("contact.restricted")[0].body), "Ondine")
	require.Nil(t, told.of("contact.restricted")[0].members(t)["data"].(map[string]any)["resource"])
}
