package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// load is clients that create things without end, each under a key of its own,
// and remember what they were told.
type load struct {
	site   *site
	client *http.Client
	prefix string

	next     atomic.Int64
	mu       sync.Mutex
	answered map[string]string // code of what was created: its id
	open     map[string]bool   // sent, and not answered with success
	statuses map[int]int
	silent   []string // refusals without Retry-After
}

func newLoad(s *site, prefix string) *load {
	return &load{site: s, prefix: prefix, client: &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
		answered: map[string]string{}, open: map[string]bool{}, statuses: map[int]int{}}
}

func body(code string) []byte {
	return fmt.Appendf(nil, `{"code": %q, "name": "Lettre", "legal_basis": "consent"}`, code)
}

// create sends one request and notes its outcome.
func (l *load) create(ctx context.Context, code string) {
	l.mu.Lock()
	l.open[code] = true
	l.mu.Unlock()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.site.url+"/v1/purposes", bytes.NewReader(body(code)))
	if err != nil {
		return
	}
	request.Header.Set("Authorization", "Bearer "+l.site.key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", "key-"+code)
	response, err := l.client.Do(request)
	if err != nil {
		return
	}
	defer func() { _ = response.Body.Close() }()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		return
	}
	var created struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(raw, &created)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[response.StatusCode]++
	switch {
	case response.StatusCode == http.StatusCreated:
		l.answered[code] = created.ID
		delete(l.open, code)
	case response.Header.Get("Retry-After") == "":
		l.silent = append(l.silent, fmt.Sprintf("%d %s", response.StatusCode, raw))
	}
}

// run creates with so many clients until the context ends, and waits for them.
func (l *load) run(ctx context.Context, clients int) func() {
	var group sync.WaitGroup
	for range clients {
		group.Go(func() {
			for ctx.Err() == nil {
				l.create(context.WithoutCancel(ctx), fmt.Sprintf("%s-%d", l.prefix, l.next.Add(1)))
			}
		})
	}
	return group.Wait
}

func (l *load) count(status int) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.statuses[status]
}

// settle sends again what was not answered.
func (l *load) settle(t *testing.T) {
	t.Helper()
	l.mu.Lock()
	var again []string
	for code := range l.open {
		again = append(again, code)
	}
	l.mu.Unlock()
	for _, code := range again {
		eventually(t, "answer for "+code, func() bool {
			l.create(t.Context(), code)
			l.mu.Lock()
			defer l.mu.Unlock()
			return !l.open[code]
		})
	}
}

func (l *load) walk(t *testing.T, path string, visit func(item map[string]any)) {
	t.Helper()
	for cursor := ""; ; {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.site.url+path+cursor, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "Bearer "+l.site.key)
		response, err := l.client.Do(request)
		require.NoError(t, err)
		raw, err := io.ReadAll(response.Body)
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode, "%s", raw)
		var page struct {
			Data  []map[string]any `json:"data"`
			Next  *string          `json:"next_cursor"`
			After *int64           `json:"next_after"`
		}
		require.NoError(t, json.Unmarshal(raw, &page))
		for _, item := range page.Data {
			visit(item)
		}
		switch {
		case len(page.Data) == 0:
			return
		case page.After != nil:
			cursor = fmt.Sprintf("&after=%d", *page.After)
		case page.Next != nil:
			cursor = "&cursor=" + *page.Next
		default:
			return
		}
	}
}

// kept requires that everything answered is there under the id that was told,
// that everything there was sent, and that each has been created once, by its
// events too.
func (l *load) kept(t *testing.T) {
	t.Helper()
	there := map[string]string{}
	ids := map[string]bool{}
	l.walk(t, "/v1/purposes?limit=100", func(item map[string]any) {
		code, id := item["code"].(string), item["id"].(string)
		require.NotContains(t, there, code, "created twice")
		there[code], ids[id] = id, true
	})
	l.mu.Lock()
	defer l.mu.Unlock()
	for code, id := range l.answered {
		require.Equal(t, id, there[code], "%s was answered and is not there", code)
	}
	for code := range there {
		require.True(t, l.answered[code] != "" || l.open[code], "%s was never sent", code)
	}
	eventually(t, "every creation is in the log once, without a gap", func() bool {
		created := map[string]int{}
		last := int64(0)
		l.walk(t, "/v1/events?limit=100", func(item map[string]any) {
			sequence := int64(item["sequence"].(float64))
			require.Equal(t, last+1, sequence, "the log has a gap")
			last = sequence
			if item["type"] == "purpose.created" {
				created[item["data"].(map[string]any)["id"].(string)]++
			}
		})
		for id, times := range created {
			require.Equal(t, 1, times, "two events for one creation")
			require.True(t, ids[id], "an event without its effect")
		}
		return len(created) == len(ids)
	})
}
