package sibil

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// Summary is how the return of a quarter stands.
type Summary struct {
	Quarter                       Quarter
	Closed                        bool
	Declarations, Blocked         int64
	Blocking                      int64
	Anomalies                     []AnomalyCount
	Undeclared, Declared, Changed int64
	// Obsolete are declarations that SIBIL has of performances that are not to be
	// declared any more.
	Obsolete        int64
	Tickets, Paid   int64
	Revenue, Spread int64
}

// AnomalyCount is how many declarations have an anomaly.
type AnomalyCount struct {
	Code         string
	Blocking     bool
	Declarations int64
}

// Ready reports whether the return can be sent whole.
func (s Summary) Ready() bool { return s.Closed && s.Blocked == 0 && s.Declarations > 0 }

// Summary computes how the return of a quarter stands.
func (s *Service) Summary(ctx context.Context, quarter string) (Summary, error) {
	actor, err := declarant(ctx)
	if err != nil {
		return Summary{}, err
	}
	q, ok := ParseQuarter(quarter)
	if !ok {
		return Summary{}, fault.NotFound()
	}
	return s.summary(pg.WithSight(ctx, pg.Everything()), actor.Tenant, q)
}

func (s *Service) summary(ctx context.Context, tenant uuid.UUID, q Quarter) (Summary, error) {
	db := s.DB.Tenant(tenant)
	zone, err := s.q.InstitutionTimeZone(ctx, db, tenant)
	if err != nil {
		return Summary{}, err
	}
	list, err := s.declarations(ctx, db, tenant, q, nil, nil, most)
	if err != nil {
		return Summary{}, err
	}
	out := Summary{Quarter: q, Closed: q.ClosedAt(s.Clock.Now(), location(zone)), Declarations: int64(len(list))}
	declared, err := s.q.ListDeclared(ctx, db, tenant, q.String())
	if err != nil {
		return Summary{}, err
	}
	for _, id := range declared {
		if !slices.ContainsFunc(list, func(d Declaration) bool { return d.ID == id }) {
			out.Obsolete++
		}
	}
	counts := map[string]*AnomalyCount{}
	for _, d := range list {
		out.Tickets += d.Tickets
		out.Paid += d.Paid
		out.Revenue += d.Revenue
		out.Spread += d.Spread
		if n := d.Blocking(); n > 0 {
			out.Blocked++
			out.Blocking += int64(n)
		}
		switch d.Status {
		case "declared":
			out.Declared++
		case "changed":
			out.Changed++
		default:
			out.Undeclared++
		}
		for _, a := range d.Anomalies {
			if counts[a.Code] == nil {
				counts[a.Code] = &AnomalyCount{Code: a.Code, Blocking: a.Blocking}
			}
			counts[a.Code].Declarations++
		}
	}
	for _, c := range counts {
		out.Anomalies = append(out.Anomalies, *c)
	}
	slices.SortFunc(out.Anomalies, func(a, b AnomalyCount) int { return strings.Compare(a.Code, b.Code) })
	return out, nil
}
