// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// most records of a request, as the API says.
const mostRecords = 500

// Outbox sends what has changed until it was taken in. It holds names, not
// contents: what is sent is how things stand when it is sent, so a thing that
// changed five times in a busy minute is sent once. What was sent and not
// answered is sent again word for word, under the same key.
//
// A real one keeps its names in the database, written in the transaction of the
// sale itself.
type outbox struct {
	till    *till
	defects Defects
	backoff time.Duration
	client  *http.Client

	mutex   sync.Mutex
	waiting []name
	aside   []name // refused by themselves: somebody has to look
	conn    connection
	most    int
	wake    chan struct{}
	halted  bool // the key is not valid: nothing goes out until there is another
	resyncs int  // how often everything was sent again
}

// parcel is a request that has to get through.
type parcel struct {
	names []name
	body  []byte
	key   string
}

func (o *outbox) changed(n name) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if !slices.Contains(o.waiting, n) {
		o.waiting = append(o.waiting, n)
	}
	o.poke()
}

func (o *outbox) poke() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// connect points the outbox elsewhere, or gives it another key.
func (o *outbox) connect(c connection) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.conn, o.halted = c, false
	o.poke()
}

// again puts everything in that is known.
func (o *outbox) again() {
	o.mutex.Lock()
	o.resyncs++
	o.mutex.Unlock()
	for _, n := range o.till.all() {
		o.changed(n)
	}
}

// retry puts in what was refused: somebody has mended it.
func (o *outbox) retry() {
	o.mutex.Lock()
	aside := o.aside
	o.aside = nil
	o.mutex.Unlock()
	for _, n := range aside {
		o.changed(n)
	}
}

// run sends until the context ends.
func (o *outbox) run(ctx context.Context) {
	var pending *parcel
	tries := 0
	for {
		if pending == nil {
			if pending = o.next(); pending == nil {
				select {
				case <-ctx.Done():
					return
				case <-o.wake:
				}
				continue
			}
		}
		wait, done := o.deliver(ctx, pending)
		if done {
			pending, tries = nil, 0
			continue
		}
		if o.defects.NeverRetries {
			pending = nil
			continue
		}
		// Longer each time, but never longer than a minute; what the server asks
		// for counts.
		tries++
		delay := max(min(o.backoff<<min(tries-1, 10), time.Minute), wait)
		if o.defects.Impatient {
			delay = o.backoff
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(delay):
		}
	}
}

// next packs what waits.
func (o *outbox) next() *parcel {
	for {
		names, resyncs := o.take()
		if len(names) == 0 {
			return nil
		}
		if p := o.pack(names, resyncs); p != nil {
			return p
		}
	}
}

// take takes names out. The till is asked afterwards, without holding them up.
func (o *outbox) take() (names []name, resyncs int) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	if o.halted || o.conn.BaseURL == "" {
		return nil, 0
	}
	n := min(len(o.waiting), o.most)
	names = slices.Clone(o.waiting[:n])
	o.waiting = o.waiting[n:]
	return names, o.resyncs
}

func (o *outbox) pack(names []name, resyncs int) *parcel {
	records := []object{}
	p := &parcel{key: newKey()}
	for _, n := range names {
		r, known := o.till.record(n, o.defects)
		if !known || o.defects.skips(r) {
			continue
		}
		p.names, records = append(p.names, n), append(records, o.defects.rename(r, resyncs))
	}
	if len(records) == 0 {
		return nil
	}
	p.body, _ = json.Marshal(object{"records": records}) //nolint:errchkjson // texts, numbers and lists of them, all made here
	if o.defects.KeyOfName {
		p.key = p.names[len(p.names)-1].id
	}
	return p
}

func newKey() string {
	var random [16]byte
	_, _ = rand.Read(random[:])
	return hex.EncodeToString(random[:])
}

// deliver tries once. It is done when nothing of the parcel has to be sent
// again as it is; until then it says how long the server asks to wait.
func (o *outbox) deliver(ctx context.Context, p *parcel) (wait time.Duration, done bool) {
	o.mutex.Lock()
	conn := o.conn
	o.mutex.Unlock()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, conn.BaseURL+"/v1/ticketing/sources/"+conn.Source+"/batches", bytes.NewReader(p.body))
	if err != nil {
		return 0, false
	}
	r.Header.Set("Authorization", "Bearer "+conn.Key)
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Idempotency-Key", p.key)
	w, err := o.client.Do(r)
	if err != nil {
		return 0, false // nobody knows whether it arrived: the same again
	}
	defer func() { _ = w.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(w.Body, 8<<20))
	if err != nil {
		return 0, false
	}
	return o.judge(w, body, p)
}

func (o *outbox) judge(w *http.Response, body []byte, p *parcel) (wait time.Duration, done bool) {
	seconds, _ := strconv.Atoi(w.Header.Get("Retry-After"))
	wait = time.Duration(seconds) * time.Second
	if o.defects.shrugs(w.StatusCode) {
		return 0, true
	}
	switch w.StatusCode {
	case http.StatusMultiStatus:
		o.results(body, p)
		return 0, true
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		o.halt(p.names)
		return 0, true
	case http.StatusRequestEntityTooLarge:
		if len(p.names) == 1 || o.defects.NeverDivides {
			o.putAside(p.names)
			return 0, true
		}
		o.divide(p.names)
		return 0, true
	case http.StatusUnprocessableEntity:
		p.key = newKey() // it was used for something else
		return 0, false
	case http.StatusBadRequest:
		o.putAside(p.names)
		return 0, true
	}
	return wait, false // 409, 429, 5xx and what we do not know: later
}

// results takes in what became of each record.
func (o *outbox) results(body []byte, p *parcel) {
	var said struct {
		Results []struct {
			Index  int    `json:"index"`
			Status string `json:"status"`
		} `json:"results"`
	}
	if json.Unmarshal(body, &said) != nil || o.defects.IgnoresResults {
		return
	}
	for _, r := range said.Results {
		if r.Index >= len(p.names) {
			continue
		}
		switch {
		case r.Status == "failed":
			o.putAside([]name{p.names[r.Index]})
		case r.Status == "unchanged" && o.defects.DoubtsUnchanged:
			o.changed(p.names[r.Index])
		}
	}
}

func (o *outbox) putAside(names []name) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.aside = append(o.aside, names...)
}

// halt keeps everything until there is a key again.
func (o *outbox) halt(names []name) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.halted = true
	if !o.defects.DropsWithKey {
		o.waiting = append(names, o.waiting...)
	}
}

// divide sends in halves from now on.
func (o *outbox) divide(names []name) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.most = max(len(names)/2, 1)
	o.waiting = append(names, o.waiting...)
	o.poke()
}
