package scim

import (
	"context"

	"github.com/parvis-crm/parvis/internal/fault"
)

func answerPage(k kindOf, p Page, s Selection) map[string]any {
	resources := make([]any, len(p.Resources))
	for i, r := range p.Resources {
		resources[i] = s.of(k, r.Doc)
	}
	return answerList(p.Total, p.StartIndex, resources)
}

func answerList(total, start int64, resources []any) map[string]any {
	return map[string]any{
		"schemas": []string{listURN}, "totalResults": total, "startIndex": start, "itemsPerPage": len(resources), "Resources": resources,
	}
}

// answerAll lists what describes the service, for which there is no filter (RFC
// 7644 §4).
func answerAll(ctx context.Context, filter *string, describe func(kindOf, context.Context) map[string]any) (map[string]any, error) {
	if filter != nil {
		return nil, fault.New(fault.Forbidden, "scim-filter").With("why", "no filter is taken here")
	}
	var all []any
	for _, k := range kinds() {
		all = append(all, describe(k, ctx))
	}
	return answerList(int64(len(all)), 1, all), nil
}

func deref[T any](p *T, otherwise T) T {
	if p == nil {
		return otherwise
	}
	return *p
}
