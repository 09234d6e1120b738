package port_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

func client(t *testing.T) *port.Client {
	t.Helper()
	base, err := url.Parse("https://billets.example/pretix")
	require.NoError(t, err)
	return &port.Client{HTTP: http.DefaultClient, Base: base, Now: time.Now}
}

func rows(texts ...string) []json.RawMessage {
	out := []json.RawMessage{}
	for _, text := range texts {
		out = append(out, json.RawMessage(text))
	}
	return out
}

// A page is the same however its address is written.
func TestNoPageOfAListIsAskedForTwice(t *testing.T) {
	t.Parallel()
	walk := client(t).Walk()
	require.NoError(t, walk.Ask("/api/orders/", url.Values{"page_size": {"50"}, "ordering": {"datetime"}}))
	require.NoError(t, walk.Ask("https://tickets.example/pretix/api/orders/?page_size=50&ordering=datetime&page=2", nil))
	require.ErrorAs(t, walk.Ask("https://tickets.example/pretix/api/orders/?ordering=datetime&page_size=50", nil), new(*port.UnexpectedError))
	require.NoError(t, client(t).Walk().Ask("/api/orders/", url.Values{"page_size": {"50"}, "ordering": {"datetime"}}), "another walk begins anew")
}

// A page may come a second time, as one of objects of the same instant does; two
// in a row that bring nothing new end the walk.
func TestPagesThatBringNothingNewEndAWalk(t *testing.T) {
	t.Parallel()
	walk := client(t).Walk()
	for _, page := range []string{"1", "1", "2", "2", "3", "1"} {
		_, err := walk.Rows(rows(page))
		require.NoError(t, err)
	}
	_, err := walk.Rows(rows("2"))
	require.ErrorAs(t, err, new(*port.UnexpectedError))
	walk = client(t).Walk()
	_, err = walk.Rows(rows("1", "2"))
	require.NoError(t, err)
	for _, page := range [][]string{{"12"}, {}, {"1"}} {
		_, err = walk.Rows(rows(page...))
		require.NoError(t, err)
	}
}

// An empty list is one; none is not.
func TestAListThatIsNotThere(t *testing.T) {
	t.Parallel()
	for text, there := range map[string]bool{`{"results":[]}`: true, `{"results":[1]}`: true, `{"results":null}`: false, `{"detail":"maintenance"}`: false} {
		var l struct {
			Results []json.RawMessage `json:"results"`
		}
		require.NoError(t, port.Answer{Body: []byte(text)}.JSON(&l))
		_, err := client(t).Walk().Rows(l.Results)
		require.Equal(t, there, err == nil, text)
		if !there {
			require.ErrorAs(t, err, new(*port.UnexpectedError))
		}
	}
}
