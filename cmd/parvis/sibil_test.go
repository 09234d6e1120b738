package main_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/sibil/sibiltest"
)

// The program is killed while SIBIL has taken a declaration and has not answered.
// Started again it goes on by itself: what was answered is not sent again, what
// was not is asked under the same key, and SIBIL has each performance once.
func TestAKilledSubmissionDeclaresNothingTwice(t *testing.T) {
	t.Parallel()
	server := sibiltest.New(t)
	s := newSite(t, "PARVIS_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8")
	s.start(t)
	send := func(method, path string, body any, want int) []byte {
		t.Helper()
		raw, err := json.Marshal(body)
		require.NoError(t, err)
		media := "application/json"
		if method == http.MethodPatch {
			media = "application/merge-patch+json"
		}
		status, answer := s.call(t, method, path, media, raw)
		require.Equal(t, want, status, "%s", answer)
		return answer
	}
	type m = map[string]any
	send(http.MethodPost, "/v1/ticketing/sources", m{"code": "principale", "name": "Billetterie", "kind": "generic"}, http.StatusCreated)
	// Performances of the quarter in which the day before yesterday was.
	paris, err := time.LoadLocation("Europe/Paris")
	require.NoError(t, err)
	day := time.Now().In(paris).AddDate(0, 0, -2)
	quarter := fmt.Sprintf("%d-Q%d", day.Year(), (int(day.Month())+2)/3)
	records := []m{
		{"kind": "venue", "external_id": "grande", "data": m{"name": m{"fr": "Théâtre des Arcades"}, "sibil_type": "THEATRE", "address": m{"street": "3 quai des Forges", "postal_code": "44000", "city": "Nantes", "country": "FR"}}},
		{"kind": "production", "external_id": "mouette", "data": m{"name": m{"fr": "La Mouette"}, "sibil_domain": "theatre"}},
		{"kind": "price_type", "external_id": "plein", "data": m{"name": m{"fr": "Plein"}, "class": "full"}},
	}
	const performances = 8
	for i := range performances {
		at := time.Date(day.Year(), day.Month(), day.Day(), 9+i, 0, 0, 0, paris).Format(time.RFC3339)
		records = append(records, m{"kind": "performance", "external_id": fmt.Sprint("p", i), "data": m{"production": "mouette", "name": m{"fr": "Soir"}, "starts_at": at, "time_zone": "Europe/Paris", "venue": "grande", "capacity": 480}},
			m{"kind": "order", "external_id": fmt.Sprint("o", i), "data": m{"commercial_state": "confirmed", "lines": []m{{"external_id": fmt.Sprint("t", i), "amount": "28.00", "state": "valid", "price_type": "plein", "performance": fmt.Sprint("p", i)}},
				"payments": []m{{"external_id": "p1", "amount": "28.00", "state": "settled", "method": "card"}}}})
	}
	send(http.MethodPost, "/v1/ticketing/sources/principale/batches", m{"records": records}, http.StatusMultiStatus)
	send(http.MethodPatch, "/v1/statutory/sibil/settings", m{"base_url": server.URL, "username": sibiltest.Username, "password": sibiltest.Password, "domain_labels": m{"theatre": "Théâtre"}, "is_enabled": true}, http.StatusOK)

	taken := func() int {
		server.Lock()
		defer server.Unlock()
		return len(server.Bodies)
	}
	// From its third declaration on SIBIL takes and does not answer.
	mute := make(chan struct{})
	server.Lock()
	server.Answers = 2
	server.Mute = mute
	server.Unlock()
	id := s.begin(t, "/v1/statutory/sibil/submissions", "application/json", []byte(`{"quarter":"`+quarter+`"}`))
	eventually(t, "SIBIL has one that it has not answered", func() bool { return taken() == 3 })
	require.Error(t, s.running.end(t, syscall.SIGKILL))
	require.Equal(t, 3, taken())
	server.Lock()
	server.Mute = nil
	server.Unlock()
	close(mute)

	s.start(t)
	s.ends(t, id, "succeeded")
	var list struct{ Data []m }
	_, raw := s.call(t, http.MethodGet, "/v1/statutory/sibil/submissions", "", nil)
	require.NoError(t, json.Unmarshal(raw, &list))
	require.Len(t, list.Data, 1)
	require.Equal(t, []any{"succeeded", float64(performances), 0.0, 0.0}, []any{list.Data[0]["status"], list.Data[0]["created"], list.Data[0]["pending"], list.Data[0]["duplicate"]})
	server.Lock()
	defer server.Unlock()
	require.Len(t, server.Held, performances)
	times := map[string]int{}
	for _, body := range server.Bodies {
		times[body]++
	}
	require.Len(t, times, performances)
	require.Len(t, server.Bodies, performances+1, "only the one that was not answered is sent again")
	require.Equal(t, 2, times[server.Bodies[2]], "and it is sent as it was, under its key")
	told := 0
	eventually(t, "it is told", func() bool {
		_, raw := s.call(t, http.MethodGet, "/v1/events?types=statutory.sibil.submitted", "", nil)
		told = strings.Count(string(raw), `"statutory.sibil.submitted"`)
		return told > 0
	})
	require.Equal(t, 1, told)
}
