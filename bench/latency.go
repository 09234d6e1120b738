package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/measure"
	"github.com/parvis-crm/parvis/internal/ids"
)

// fuzzy asks for people by a misspelt name: how long it takes, and how often
// the one who was meant is among the first ten.
func fuzzy(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	conn, err := e.owner(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }()
	type answer struct {
		ID string `json:"id"`
	}
	r := random(5)
	var took []float64
	found, asked, crowded := 0, 0, 0
	for asked < 300 {
		p := dataset.At(pick(r, e.people))
		if p.TwinOf >= 0 || len([]rune(p.Family)) < 5 {
			continue
		}
		asked++
		start := time.Now()
		var page struct {
			Data []answer `json:"data"`
		}
		q := p.Given + " " + dataset.Misspell(r, p.Family)
		if err := e.getJSON(ctx, "/v1/contacts?limit=10&q="+url.QueryEscape(q), &page); err != nil {
			return nil, err
		}
		took = append(took, ms(time.Since(start)))
		if slices.ContainsFunc(page.Data, func(c answer) bool { return c.ID == p.ID().String() }) {
			found++
			continue
		}
		// Ten others of exactly that name fill the answer: no name tells who was meant.
		var namesakes int
		if err := conn.QueryRow(ctx, `select count(*) from contacts c join contacts o on o.tenant_id = c.tenant_id and o.sort_name = c.sort_name where c.id = $1 and o.id <> c.id`, p.ID()).Scan(&namesakes); err != nil {
			return nil, err
		}
		if namesakes >= 10 {
			crowded++
		}
	}
	slices.Sort(took)
	recall := float64(found) / float64(asked-crowded)
	p50 := took[len(took)/2]
	return []figure{{Op: m.name, What: m.what, P50: p50, P95: took[len(took)*95/100], Goal: "p50 < 25 ms, recall ≥ 0.95",
		Met: p50 < 25 && recall >= 0.95, Note: fmt.Sprintf("recall of the misspelt in the first ten: %.3f of %d; without the %d who are not found and have ten namesakes or more, %.3f",
			float64(found)/float64(asked), asked, crowded, recall)}}, nil
}

// feed measures the time from the answer to a write until its event arrives on
// the live stream.
func feed(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var page struct {
		Head int64 `json:"head"`
	}
	if err := e.getJSON(ctx, "/v1/events?limit=1", &page); err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://%s/v1/events/stream?after=%d", e.address, page.Head), nil)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+e.key)
	stream, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = stream.Body.Close() }()
	arrived := make(chan string, 64)
	go func() {
		lines := bufio.NewScanner(stream.Body)
		lines.Buffer(nil, 1<<20)
		for lines.Scan() {
			data, ok := strings.CutPrefix(lines.Text(), "data:")
			if !ok {
				continue
			}
			var event struct {
				Data struct {
					ID string `json:"id"`
				} `json:"data"`
			}
			if json.Unmarshal([]byte(data), &event) == nil {
				arrived <- event.Data.ID
			}
		}
	}()
	var took []float64
	for range 200 {
		id, err := e.createContact(ctx)
		if err != nil {
			return nil, err
		}
		start := time.Now()
		for waiting := true; waiting; {
			select {
			case got := <-arrived:
				waiting = got != id
			case <-time.After(10 * time.Second):
				return nil, fmt.Errorf("the event of %s did not arrive", id)
			}
		}
		took = append(took, ms(time.Since(start)))
	}
	slices.Sort(took)
	p95 := took[len(took)*95/100]
	return []figure{{Op: m.name, What: m.what, P50: took[len(took)/2], P95: p95, Goal: "p95 < 100 ms", Met: p95 < 100}}, nil
}

// startUp measures the program's start with PostgreSQL already up.
func startUp(ctx context.Context, e *environment, m measurement) ([]figure, error) {
	var took []float64
	for range e.rounds {
		if err := e.stopServer(); err != nil {
			return nil, err
		}
		start := time.Now()
		if err := e.start(ctx, filepath.Join(e.work, "parvis")); err != nil {
			return nil, err
		}
		took = append(took, ms(time.Since(start)))
	}
	p50 := measure.Median(took)
	return []figure{{Op: m.name, What: m.what, P50: p50, Goal: "< 500 ms", Met: p50 < 500}}, nil
}

func (e *environment) getJSON(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+e.address+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+e.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", path, response.Status)
	}
	return json.NewDecoder(response.Body).Decode(into)
}

func (e *environment) createContact(ctx context.Context) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+e.address+"/v1/contacts", strings.NewReader(`{"kind":"person","family_name":"Ferrandis"}`))
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "Bearer "+e.key)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Idempotency-Key", ids.New().String())
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	var made struct {
		ID string `json:"id"`
	}
	if response.StatusCode != http.StatusCreated {
		return "", fmt.Errorf("creating a contact answers %s", response.Status)
	}
	err = json.NewDecoder(response.Body).Decode(&made)
	return made.ID, err
}
