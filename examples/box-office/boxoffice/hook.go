// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

package boxoffice

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"
)

// Vendor is a ticketing system with an outbox for each connection.
type Vendor struct {
	ctx     context.Context //nolint:containedctx // the outboxes live as long as the system
	defects Defects
	backoff time.Duration

	mutex   sync.Mutex
	offices map[string]*office // by scenario
}

// office is a till and its connection.
type office struct {
	till   *till
	outbox *outbox
	stop   context.CancelFunc
}

// New makes a system, which works until the context ends. backoff is how long
// it waits before it tries for the second time.
func New(ctx context.Context, backoff time.Duration, d Defects) *Vendor {
	return &Vendor{ctx: ctx, defects: d, backoff: backoff, offices: map[string]*office{}}
}

type call struct {
	Scenario string          `json:"scenario"`
	Action   string          `json:"action"`
	Facts    json.RawMessage `json:"facts"`
}

// ServeHTTP is the hook.
func (v *Vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var c call
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o, err := v.office(c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	names, err := o.act(c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	answer, err := json.Marshal(object{"names": names})
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// office finds the one a scenario is played in. Another source begins anew.
func (v *Vendor) office(c call) (*office, error) {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	o := v.offices[c.Scenario]
	if c.Action != "connect" {
		if o == nil {
			return v.start(c.Scenario), nil
		}
		return o, nil
	}
	var to connection
	if err := json.Unmarshal(c.Facts, &to); err != nil {
		return nil, err
	}
	if o == nil || o.outbox.source() != to.Source {
		if o != nil {
			o.stop()
		}
		o = v.start(c.Scenario)
	}
	o.outbox.connect(to)
	return o, nil
}

func (v *Vendor) start(scenario string) *office {
	ctx, stop := context.WithCancel(v.ctx)
	out := &outbox{defects: v.defects, backoff: v.backoff, client: &http.Client{Timeout: 30 * time.Second}, most: mostRecords, wake: make(chan struct{}, 1)}
	if v.defects.NeverRetries { // net/http by itself repeats what has a key, on a connection that was kept
		out.client.Transport = &http.Transport{DisableKeepAlives: true}
	}
	out.till = newTill(out.changed)
	o := &office{till: out.till, outbox: out, stop: stop}
	v.offices[scenario] = o
	go out.run(ctx)
	return o
}

func (o *outbox) source() string {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	return o.conn.Source
}

// read decodes facts and hands them on.
func read[T any](raw json.RawMessage, to func(T)) error {
	var facts T
	if err := json.Unmarshal(raw, &facts); err != nil {
		return err
	}
	to(facts)
	return nil
}

// act does at the till what the hook tells.
func (o *office) act(c call) (map[string]string, error) {
	switch c.Action { // what is no sale
	case "resync":
		o.outbox.again()
	case "retry":
		o.outbox.retry()
	}
	t := o.till
	t.mutex.Lock()
	defer t.mutex.Unlock()
	var err error
	switch c.Action {
	case "performance.schedule":
		err = read(c.Facts, t.schedule)
	case "account.open":
		err = read(c.Facts, t.open)
	case "order.place":
		err = read(c.Facts, t.place)
	case "ticket.reseat":
		err = read(c.Facts, t.reseat)
	case "order.refund":
		err = read(c.Facts, t.refund)
	case "order.cancel":
		err = read(c.Facts, t.cancel)
	case "order.reinstate":
		err = read(c.Facts, t.reinstate)
	case "ticket.exchange":
		err = read(c.Facts, t.exchange)
	case "order.split":
		err = read(c.Facts, t.split)
	case "order.delete":
		err = read(c.Facts, func(x change) { t.remove(x, true) })
	case "order.restore":
		err = read(c.Facts, func(x change) { t.remove(x, false) })
	case "buyer.anonymise":
		err = read(c.Facts, t.anonymise)
	case "ticket.scan":
		err = read(c.Facts, t.scanned)
	}
	return t.numbers(), err
}
