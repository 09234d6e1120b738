package ticketing

import (
	"context"
	"hash/fnv"
	"slices"

	"github.com/jackc/pgx/v5"
)

// personBuckets bounds how many advisory locks one transaction holds for the
// contact points it may make contacts of: PostgreSQL keeps them in a table of
// fixed size. Two names in one bucket only wait for each other.
const personBuckets = 256

// lock makes this transaction the only writer of its source, then the only one
// that may make contacts with these names. The source comes first and the rest
// in order, so nobody waits in a circle.
func (s *Service) lock(ctx context.Context, tx pgx.Tx, source Source, messages []*message) error {
	seen := map[int64]bool{}
	add := func(p *person, account string) {
		for _, name := range s.namesOf(p, account, source) {
			seen[number(source.TenantID.String(), "person", string(rune('A'+fnv32(name)%personBuckets)))] = true
		}
	}
	for _, m := range messages {
		switch {
		case m == nil:
		case m.customer != nil:
			add(m.customer, m.externalID)
		case m.order != nil && m.order.Buyer != nil:
			add(m.order.Buyer, or(m.order.Buyer.Customer, ""))
		}
	}
	numbers := make([]int64, 0, len(seen)+1)
	for n := range seen {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	numbers = append([]int64{number(source.TenantID.String(), "source", source.ID.String())}, numbers...)
	return s.q.LockNames(ctx, tx, numbers)
}

func number(parts ...string) int64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return int64(h.Sum64())
}

func fnv32(text string) uint32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return h.Sum32()
}
