package conformance

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/parvis-crm/parvis/internal/conformance/report"
)

// errGivenUp ends a scenario that cannot go on; its finding is noted.
var errGivenUp = errors.New("conformance: the scenario cannot go on")

const (
	// quiet is how long nothing may come for a connector to count as done.
	quiet = 700 * time.Millisecond
	// look is how often the state is looked at when nothing comes: only what comes
	// changes it.
	look = 2 * time.Second
	// longest is how many times its patience a scenario waits for a connector that
	// keeps sending without getting there.
	longest = 6
)

// play is one scenario under way.
type play struct {
	run      string
	scenario Scenario
	stage    *stage
	api      *apiClient
	hook     *hook
	patience time.Duration
	conn     Connection
	rotate   func(ctx context.Context) (string, error)

	step     int
	mutex    sync.Mutex // of names, which the stage reads too
	names    map[string]string
	findings []report.Finding
}

// tell gives the vendor a fact and takes in its names.
func (p *play) tell(ctx context.Context, action string, facts any) error {
	p.step++
	names, err := p.hook.tell(ctx, Call{Run: p.run, Scenario: p.scenario.ID, Step: p.step, Action: action, Facts: facts})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		p.fail("hook-failed", "%v", err)
		return errGivenUp
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	maps.Copy(p.names, names)
	return nil
}

// name is how the vendor's connector calls what we refer to.
func (p *play) name(ref string) string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	if name, ok := p.names[ref]; ok {
		return name
	}
	return ref
}

func (p *play) fail(code, text string, args ...any) {
	for _, f := range p.findings {
		if f.Code == code {
			return
		}
	}
	if len(p.findings) < 20 {
		p.findings = append(p.findings, report.Finding{Code: code, Text: shorten(fmt.Sprintf(text, args...))})
	}
}

// expect notes a finding unless a thing is so.
func (p *play) expect(so bool, code, text string, args ...any) {
	if !so {
		p.fail(code, text, args...)
	}
}

// await waits until why is empty, and notes the last reason when patience ends:
// when nothing has come for that long. What the server takes to answer is not
// the connector's.
func (p *play) await(ctx context.Context, code string, why func(context.Context) (string, error)) (bool, error) {
	began := p.stage.clock()
	for {
		reason, err := why(ctx)
		if err != nil || reason == "" {
			return err == nil, err
		}
		waited := p.stage.clock().Sub(began)
		if (waited >= p.patience && p.stage.quietFor() >= p.patience) || waited >= longest*p.patience {
			p.fail(code, "%s", reason)
			return false, nil
		}
		again := time.NewTimer(min(look, p.patience))
		select {
		case <-ctx.Done():
			again.Stop()
			return false, ctx.Err()
		case <-p.stage.news:
		case <-again.C:
		}
		again.Stop()
	}
}

// settle waits until the connector has nothing more to say.
func (p *play) settle(ctx context.Context) error {
	deadline := time.NewTimer(longest * p.patience)
	defer deadline.Stop()
	for {
		if p.stage.full() { // who sends without end gets no answer any more, and may pause then
			p.fail("never-done", "The connector goes on sending, though everything was taken in.")
			return nil
		}
		left := quiet - p.stage.quietFor()
		if left <= 0 {
			return nil
		}
		again := time.NewTimer(left)
		select {
		case <-ctx.Done():
			again.Stop()
			return ctx.Err()
		case <-deadline.C:
			again.Stop()
			p.fail("never-done", "The connector goes on sending, though everything was taken in.")
			return nil
		case <-again.C:
		}
	}
}

// awaitDelivery waits for a delivery that fits.
func (p *play) awaitDelivery(ctx context.Context, code, text string, fits func(*delivery) bool) (*delivery, error) {
	var found *delivery
	_, err := p.await(ctx, code, func(context.Context) (string, error) {
		for _, d := range p.stage.deliveries() {
			if fits(d) {
				found = d
				return "", nil
			}
		}
		return text, nil
	})
	return found, err
}

// awaitOrder waits until an order has become what it should be. The reason of
// want is empty when it has.
func (p *play) awaitOrder(ctx context.Context, ref, code string, want func(o object) string) (object, error) {
	var last object
	_, err := p.await(ctx, code, func(ctx context.Context) (string, error) {
		o, err := p.api.record(ctx, "order", p.name(ref))
		if err != nil {
			return "", err
		}
		if o == nil {
			return fmt.Sprintf("The order %q has not arrived.", p.name(ref)), nil
		}
		last = o
		return want(o), nil
	})
	return last, err
}

// arrives waits for the first full description of an order.
func (p *play) arrives(ctx context.Context, ref string) (object, error) {
	return p.awaitOrder(ctx, ref, "not-arrived", func(object) string { return "" })
}

// only looks that nothing else came from the source than these orders.
func (p *play) only(ctx context.Context, refs ...string) error {
	wanted := map[string]bool{}
	for _, ref := range refs {
		wanted[p.name(ref)] = true
	}
	for _, test := range []string{"false", "true"} {
		orders, err := p.api.list(ctx, "/v1/ticketing/orders", "limit=200&source="+p.conn.Source+"&test="+test)
		if err != nil {
			return err
		}
		for _, o := range orders {
			p.expect(wanted[o.text("external_id")], "surplus-order", "There is an order %q that nobody placed.", o.text("external_id"))
		}
	}
	return nil
}
