package sibil_test

import (
	"fmt"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// A history of orders is made at random, sent in any order, and counted anew by
// the plainest means: whole orders, one by one.

type ticketLine struct {
	id, performance, price, state string
	kind                          string
	minor                         int64
}

// givenBack is a refund, and the lines that it names.
type givenBack struct {
	minor int64
	lines []string
}

type soldOrder struct {
	id, state string
	test      bool
	lines     []ticketLine
	fee       int64
	paid      int64
	refunds   []givenBack
}

func (o soldOrder) refunded() (sum int64) {
	for _, r := range o.refunds {
		sum += r.minor
	}
	return sum
}

// refund is the order with at most what was paid given back.
func (o soldOrder) refund(minor int64, lines ...string) soldOrder {
	if minor = min(minor, o.paid-o.refunded()); minor > 0 {
		o.refunds = append(slices.Clip(o.refunds), givenBack{minor, lines})
	}
	return o
}

type count struct {
	tickets, paid, full, subscription               int64
	revenue, fullRevenue, subscriptionRevenue, back int64
	named                                           int64
}

func decimal(minor int64) string { return fmt.Sprintf("%d.%02d", minor/100, minor%100) }

func (o soldOrder) data() m {
	var lines []m
	for _, l := range o.lines {
		lines = append(lines, m{"external_id": l.id, "amount": decimal(l.minor), "state": l.state, "kind": l.kind, "price_type": l.price, "performance": l.performance})
	}
	out := order(lines, m{"commercial_state": o.state, "test": o.test})
	if o.fee > 0 {
		out["fees"] = []m{{"external_id": "f-" + o.id, "kind": "service", "amount": decimal(o.fee)}}
	}
	if o.paid > 0 {
		out["payments"] = paid(decimal(o.paid))
	}
	var refunds []m
	for i, r := range o.refunds {
		refunds = append(refunds, m{"external_id": fmt.Sprint("r-", o.id, "-", i), "amount": decimal(r.minor), "state": "settled", "method": "card", "lines": append([]string{}, r.lines...)})
	}
	if refunds != nil {
		out["refunds"] = refunds
	}
	return out
}

func valid(l ticketLine) bool { return l.state == "valid" || l.state == "blocked" }

// named is what the refunds that name lines take off each that stands: a refund
// first pays for the lines it names that do not stand.
func (o soldOrder) named() []*big.Rat {
	out := make([]*big.Rat, len(o.lines))
	for i := range out {
		out[i] = new(big.Rat)
	}
	for _, r := range o.refunds {
		rest, standing := r.minor, int64(0)
		for _, l := range o.lines {
			switch {
			case !slices.Contains(r.lines, l.id):
			case valid(l):
				standing += l.minor
			default:
				rest -= l.minor
			}
		}
		if rest = min(rest, standing); rest <= 0 {
			continue
		}
		for i, l := range o.lines {
			if slices.Contains(r.lines, l.id) && valid(l) {
				out[i].Add(out[i], big.NewRat(l.minor*rest, standing))
			}
		}
	}
	for i, l := range o.lines {
		if most := big.NewRat(l.minor, 1); out[i].Cmp(most) > 0 {
			out[i] = most
		}
	}
	return out
}

// apportion shares an amount out by weights, each getting what the running share
// comes to, half a cent up; never more than the weights come to.
func apportion(amount int64, weights []*big.Rat) []int64 {
	total := new(big.Rat)
	for _, w := range weights {
		total.Add(total, w)
	}
	out := make([]int64, len(weights))
	if total.Sign() == 0 {
		return out
	}
	whole := big.NewRat(amount, 1)
	if whole.Cmp(total) > 0 {
		whole = total
	}
	running, given := new(big.Rat), int64(0)
	for i, w := range weights {
		running.Add(running, w)
		upTo := new(big.Rat).Mul(whole, running)
		upTo.Quo(upTo, total).Add(upTo, big.NewRat(1, 2))
		out[i] = new(big.Int).Quo(upTo.Num(), upTo.Denom()).Int64() - given
		given += out[i]
	}
	return out
}

// recount adds one order to the counts of its performances.
func (o soldOrder) recount(into map[string]*count) {
	if o.test || o.state != "confirmed" {
		return
	}
	due := o.fee
	for _, l := range o.lines {
		if valid(l) || l.state == "transferred" {
			due += l.minor
		}
	}
	excess := min(o.refunded(), max(0, due-(o.paid-o.refunded())))
	named := apportion(excess, o.named())
	left := make([]*big.Rat, len(o.lines))
	for i, l := range o.lines {
		left[i] = new(big.Rat)
		if valid(l) {
			left[i].SetInt64(l.minor - named[i])
		}
		excess -= named[i]
	}
	spread := apportion(excess, left)
	for i, l := range o.lines {
		if !valid(l) {
			continue
		}
		share := named[i] + spread[i]
		if l.kind != "ticket" && l.kind != "pass" && l.kind != "subscription" {
			continue
		}
		c := into[l.performance]
		if c == nil {
			c = &count{}
			into[l.performance] = c
		}
		c.tickets++
		c.revenue += l.minor - share
		c.back += spread[i]
		c.named += named[i]
		if l.price == "plein" {
			c.fullRevenue += l.minor - share
		}
		if l.price == "abo" {
			c.subscriptionRevenue += l.minor - share
		}
		if l.minor == 0 {
			continue
		}
		c.paid++
		switch l.price {
		case "plein":
			c.full++
		case "abo":
			c.subscription++
		}
	}
}

// history makes an order as it was sold, and as it became.
func history(r *rand.Rand, id string, performances []string) []soldOrder {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	o := soldOrder{id: id, state: pick("confirmed", "confirmed", "confirmed", "confirmed", "reserved"), test: r.IntN(12) == 0}
	sum := int64(0)
	for i := range 1 + r.IntN(5) {
		l := ticketLine{id: fmt.Sprint(id, "-", i), performance: performances[r.IntN(len(performances))], price: pick("plein", "reduit", "abo", "invite"), state: "valid",
			kind: pick("ticket", "ticket", "ticket", "pass", "goods"), minor: int64(r.IntN(4)) * int64(r.IntN(3333))}
		sum += l.minor
		o.lines = append(o.lines, l)
	}
	if r.IntN(3) == 0 {
		o.fee = int64(r.IntN(400))
	}
	o.paid = sum + o.fee
	if r.IntN(6) == 0 {
		o.paid = 0 // on account
	}
	states := []soldOrder{o}
	for range r.IntN(4) {
		n := o
		n.lines = append([]ticketLine{}, o.lines...)
		at := r.IntN(len(n.lines))
		switch r.IntN(7) {
		case 0: // cancelled and refunded
			if valid(n.lines[at]) {
				n.lines[at].state = "cancelled"
				n = n.refund(n.lines[at].minor, [][]string{nil, {n.lines[at].id}}[r.IntN(2)]...)
			}
		case 1: // cancelled, the money kept
			n.lines[at].state = "cancelled"
		case 2: // a gesture
			n = n.refund(int64(1+r.IntN(2500)), [][]string{nil, {n.lines[at].id}, {n.lines[at].id, n.lines[0].id}}[r.IntN(3)]...)
		case 3: // all of it
			n = n.refund(n.paid)
		case 4: // exchanged for another evening
			if valid(n.lines[at]) {
				old := n.lines[at]
				n.lines[at].state = "exchanged"
				old.id, old.performance = old.id+"x", performances[r.IntN(len(performances))]
				n.lines = append(n.lines, old)
			}
		case 5:
			n.lines[at].state = pick("blocked", "resold", "valid", "transferred")
		case 6:
			n.state = pick("cancelled", "confirmed", "expired")
		}
		states = append(states, n)
		o = n
	}
	return states
}

func TestFiguresEqualARecount(t *testing.T) {
	t.Parallel()
	app := institution(t)
	var s seq
	send(t, app.Client, s.season()...)
	for year := 2020; year < 2025; year++ {
		seed := uint64(year)
		r := rand.New(rand.NewPCG(seed, 4))
		of := fmt.Sprintf("%d-Q4", year)
		var performances []string
		var records []m
		for i := range 6 {
			id := fmt.Sprintf("%d-%d", year, i)
			performances = append(performances, id)
			// About the end of summer time, and at the very ends of the quarter.
			local := []string{"10-01T00:00:00", "10-25T02:30:00", "10-26T01:30:00", "10-31T20:00:00", "12-31T23:59:59", "11-11T15:00:00"}[i]
			records = append(records, s.record("performance", id, performance(m{"starts_at": fmt.Sprintf("%d-%s", year, local)})))
		}
		want := map[string]*count{}
		for _, p := range performances {
			want[p] = &count{}
		}
		for i := range 60 {
			states := history(r, fmt.Sprintf("%d-o%d", year, i), performances)
			for _, o := range states {
				records = append(records, s.record("order", o.id, o.data()))
			}
			states[len(states)-1].recount(want)
		}
		r.Shuffle(len(records), func(i, j int) { records[i], records[j] = records[j], records[i] })
		send(t, app.Client, records...)
		got := declarations(app, of)
		require.Len(t, got, len(performances))
		var tickets, revenue, back, named int64
		for _, id := range performances {
			c, d := want[id], got[id]
			shows(t, d, m{
				"tickets": float64(c.tickets), "paid_tickets": float64(c.paid), "exempt_tickets": float64(c.tickets - c.paid), "full_price_tickets": float64(c.full),
				"subscription_tickets": float64(c.subscription), "reduced_tickets": float64(c.paid - c.full - c.subscription),
				"revenue": decimal(c.revenue), "full_price_revenue": decimal(c.fullRevenue), "subscription_revenue": decimal(c.subscriptionRevenue), "spread_refunds": decimal(c.back),
			})
			if c.paid > 0 {
				exact := new(big.Rat).SetFrac64(c.revenue, 100*c.paid)
				told, ok := new(big.Rat).SetString(d["average_price"].(string))
				require.True(t, ok)
				off := new(big.Rat).Sub(told, exact)
				require.LessOrEqual(t, off.Abs(off).Cmp(big.NewRat(1, 200)), 0, "the average is off by more than half a cent")
			}
			tickets, revenue, back, named = tickets+c.tickets, revenue+c.revenue, back+c.back, named+c.named
		}
		require.Positive(t, back, "nothing was spread: the history tests too little")
		require.Positive(t, named, "no refund named a ticket: the history tests too little")
		shows(t, app.Get("/v1/statutory/sibil/quarters/"+of).Is(200).JSON(), m{"tickets": float64(tickets), "revenue": decimal(revenue), "spread_refunds": decimal(back)})
	}
}
