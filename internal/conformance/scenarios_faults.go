package conformance

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// oneBadRecord: one that is refused harms none of the others and is not lost.
func oneBadRecord(ctx context.Context, p *play) error {
	if err := p.settle(ctx); err != nil {
		return err
	}
	var bad atomic.Pointer[string]
	p.stage.on(func(d *delivery, forward func() answer) *answer { return refuseOne(d, forward, &bad) })
	refs := []string{"o1", "o2", "o3"}
	for i, ref := range refs {
		if err := p.tell(ctx, actPlace, sale(ref, 1, 5+i)); err != nil {
			return err
		}
	}
	refused, err := p.awaitDelivery(ctx, "not-arrived", "No order was sent.", func(d *delivery) bool { return d.staged && anyOrder(d) })
	if err != nil || refused == nil {
		return err
	}
	lost := *bad.Load()
	for _, ref := range refs {
		if p.name(ref) == lost {
			continue
		}
		if o, err := p.awaitOrder(ctx, ref, "others-lost", func(object) string { return "" }); err != nil || o == nil {
			return err
		}
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	tries := 0
	for _, d := range p.stage.deliveries() {
		if d.names("order", lost) != nil {
			tries++
		}
	}
	p.expect(tries <= 10, "hammered", "A record that was refused was sent %d times by itself: put it aside for somebody to look at.", tries)
	none := ""
	bad.Store(&none) // what was wrong is mended
	if err := p.tell(ctx, actRetry, struct{}{}); err != nil {
		return err
	}
	for _, ref := range refs {
		if p.name(ref) != lost {
			continue
		}
		if _, err := p.awaitOrder(ctx, ref, "refused-lost", func(object) string { return "" }); err != nil {
			return err
		}
	}
	return p.only(ctx, refs...)
}

// refuseOne lets every record through but one, which it refuses as the API
// would: the first order it sees.
func refuseOne(d *delivery, forward func() answer, bad *atomic.Pointer[string]) *answer {
	at := -1
	for i, r := range d.records {
		if r.Kind != "order" {
			continue
		}
		bad.CompareAndSwap(nil, &r.ExternalID)
		if r.ExternalID == *bad.Load() {
			at = i
			break
		}
	}
	if at < 0 {
		return nil
	}
	refusal := map[string]any{"type": "https://parvis.example/docs/problems/invalid-request", "title": "Invalid request", "status": 400, "code": "invalid-request",
		"errors": []any{map[string]any{"pointer": fmt.Sprintf("#/records/%d/data/lines/0/seat", at), "code": "too-long", "detail": "The seat is too long for this trial."}}}
	if !d.batch {
		a := problem(http.StatusBadRequest, "invalid-request")
		return &a
	}
	var batch map[string]any
	if json.Unmarshal(d.body, &batch) != nil {
		return nil
	}
	records, _ := batch["records"].([]any)
	if at >= len(records) {
		return nil
	}
	result := map[string]any{"index": at, "status": "failed", "id": nil, "contact_id": nil, "match": nil, "problem": refusal}
	if len(records) == 1 {
		return stagedBatch([]any{result})
	}
	batch["records"] = append(append([]any{}, records[:at]...), records[at+1:]...)
	body, err := json.Marshal(batch)
	if err != nil {
		return nil
	}
	whole, header := d.body, d.header
	d.body, d.header = body, d.header.Clone()
	d.header.Del("Idempotency-Key") // its body is another than the connector's
	d.header.Del("Content-Length")
	a := forward()
	d.body, d.header = whole, header
	if a.status != http.StatusMultiStatus {
		return &a
	}
	var said struct {
		Results []any `json:"results"`
	}
	if json.Unmarshal(a.body, &said) != nil {
		return &a
	}
	results := make([]any, 0, len(records))
	for i := range records {
		if i == at {
			results = append(results, result)
			continue
		}
		j := i
		if i > at {
			j--
		}
		if j >= len(said.Results) {
			return &a
		}
		if m, ok := said.Results[j].(map[string]any); ok {
			m["index"] = i
		}
		results = append(results, said.Results[j])
	}
	return stagedBatch(results)
}

// stagedBatch is the answer to a batch, with what became of each record.
func stagedBatch(results []any) *answer {
	summary := map[string]int{}
	for _, r := range results {
		if m, ok := r.(map[string]any); ok {
			status, _ := m["status"].(string)
			summary[status]++
		}
	}
	body, err := json.Marshal(map[string]any{"results": results, "summary": summary})
	if err != nil {
		return nil
	}
	return &answer{status: http.StatusMultiStatus, header: http.Header{"Content-Type": {"application/json"}}, body: body}
}

// rateLimited: Retry-After is obeyed.
func rateLimited(ctx context.Context, p *play) error {
	const seconds = 2
	p.stage.on(once(anyOrder, func(*delivery, func() answer) *answer {
		a := problem(http.StatusTooManyRequests, "too-many-requests")
		a.header.Set("Retry-After", strconv.Itoa(seconds))
		return &a
	}))
	if err := p.tell(ctx, actPlace, sale("o1", 1, 5)); err != nil {
		return err
	}
	if _, err := p.awaitOrder(ctx, "o1", "given-up", func(object) string { return "" }); err != nil {
		return err
	}
	var refused *delivery
	for _, d := range p.stage.deliveries() {
		if refused != nil {
			p.expect(d.at.Sub(refused.done) >= seconds*time.Second-100*time.Millisecond, "impatient", "Retry-After asked to wait %d s, and the next request came after %d ms.", seconds, d.at.Sub(refused.done).Milliseconds())
		}
		if d.status == http.StatusTooManyRequests && d.staged {
			refused = d
		}
	}
	return nil
}

// unavailable: away, then paused, then back.
func unavailable(ctx context.Context, p *play) error {
	var n atomic.Int32
	p.stage.on(func(d *delivery, _ func() answer) *answer {
		if !anyOrder(d) {
			return nil
		}
		var a answer
		switch n.Add(1) {
		case 1, 3:
			a = problem(http.StatusServiceUnavailable, "unavailable")
		case 2:
			a = problem(http.StatusConflict, "ticketing-source-paused")
		default:
			return nil
		}
		return &a
	})
	if err := p.tell(ctx, actPlace, sale("o1", 1, 5)); err != nil {
		return err
	}
	if o, err := p.awaitOrder(ctx, "o1", "given-up", func(object) string { return "" }); err != nil || o == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.expect(len(p.stage.deliveries()) <= 40, "hammered", "While the server was away %d requests came: wait longer each time.", len(p.stage.deliveries()))
	return p.only(ctx, "o1")
}

// rotatedKey: what the old key could not send, the new one does.
func rotatedKey(ctx context.Context, p *play) error {
	if o, err := p.place(ctx, sale("o1", 1, 5)); err != nil || o == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	next, err := p.rotate(ctx)
	if err != nil {
		return err
	}
	count := len(p.stage.deliveries())
	if err := p.tell(ctx, actPlace, sale("o2", 1, 6)); err != nil {
		return err
	}
	refused, err := p.awaitDelivery(ctx, "not-sent", "The order was not sent.", func(d *delivery) bool { return d.status == http.StatusUnauthorized && p.withOrder("o2")(d) })
	if err != nil || refused == nil {
		return err
	}
	if err := p.settle(ctx); err != nil {
		return err
	}
	tries := len(p.stage.deliveries()) - count
	p.expect(tries <= 10, "hammered", "With a key that is no longer valid %d requests came: stop, and tell somebody.", tries)
	p.conn.Key = next
	if err := p.tell(ctx, actConnect, p.conn); err != nil {
		return err
	}
	if _, err := p.awaitOrder(ctx, "o2", "lost-with-key", func(object) string { return "" }); err != nil {
		return err
	}
	for _, d := range p.stage.deliveries() {
		p.expect(d.header.Get("Authorization") != "" && d.header.Get("Authorization") == "Bearer "+bearer(d), "key-elsewhere", "A request came without its key in Authorization: Bearer.")
	}
	return p.only(ctx, "o1", "o2")
}

func bearer(d *delivery) string {
	text := d.header.Get("Authorization")
	if len(text) < 8 {
		return ""
	}
	return text[7:]
}

// oversizedBatch: too large is sent in parts.
func oversizedBatch(ctx context.Context, p *play) error {
	const orders, most = 60, 20
	if err := p.settle(ctx); err != nil {
		return err
	}
	p.stage.on(func(d *delivery, _ func() answer) *answer {
		if d.batch && len(d.records) > most {
			a := problem(http.StatusRequestEntityTooLarge, "payload-too-large")
			return &a
		}
		return nil
	})
	// While nothing goes out it piles up.
	var open atomic.Bool
	p.stage.on(func(d *delivery, _ func() answer) *answer {
		if anyOrder(d) && !open.Load() {
			a := problem(http.StatusServiceUnavailable, "unavailable")
			return &a
		}
		return nil
	})
	var refs []string
	for i := range orders {
		ref := fmt.Sprintf("o%d", i+1)
		refs = append(refs, ref)
		if err := p.tell(ctx, actPlace, sale(ref, 1, 5)); err != nil {
			return err
		}
		if i > 0 {
			continue
		}
		if d, err := p.awaitDelivery(ctx, "not-sent", "The order was not sent.", anyOrder); err != nil || d == nil {
			return err
		}
	}
	open.Store(true)
	_, err := p.await(ctx, "not-divided", func(ctx context.Context) (string, error) {
		list, err := p.api.list(ctx, "/v1/ticketing/orders", "limit=200&source="+p.conn.Source)
		if err != nil || len(list) >= orders {
			return "", err
		}
		return fmt.Sprintf("Of %d orders that had piled up %d arrived; a batch that is refused as too large is sent in parts.", orders, len(list)), nil
	})
	if err != nil {
		return err
	}
	return p.only(ctx, refs...)
}
