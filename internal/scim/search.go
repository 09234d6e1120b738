package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// readSearch reads a search from a body (RFC 7644 §3.4.3).
func readSearch(body map[string]any) (Search, error) {
	out := Search{StartIndex: 1, Count: usualResults}
	var only, without *string
	for _, name := range slices.Sorted(maps.Keys(body)) {
		value := body[name]
		if value == nil {
			continue
		}
		var err error
		switch strings.ToLower(name) {
		case "schemas":
		case "filter":
			out.Filter, err = textIn(name, value, longestFilter)
		case "sortby":
			out.SortBy, err = textIn(name, value, 200)
		case "sortorder":
			out.SortOrder, err = textIn(name, value, 20)
			if err == nil && out.SortOrder != "ascending" && out.SortOrder != "descending" {
				err = valueFault(name, "ascending or descending")
			}
		case "startindex":
			out.StartIndex, err = numberIn(name, value)
		case "count":
			out.Count, err = numberIn(name, value)
		case "attributes":
			only, err = listIn(name, value)
		case "excludedattributes":
			without, err = listIn(name, value)
		default:
			err = fault.New(fault.Malformed, "invalid-request").At("#/"+name, "unknown-property")
		}
		if err != nil {
			return out, err
		}
	}
	var err error
	out.Selection, err = Select(only, without)
	return out, err
}

func textIn(name string, value any, longest int) (string, error) {
	text, ok := value.(string)
	if !ok || len(text) > longest {
		return "", valueFault(name, fmt.Sprintf("a text of at most %d bytes is wanted", longest))
	}
	return text, nil
}

func numberIn(name string, value any) (int, error) {
	var f float64
	switch v := value.(type) {
	case json.Number:
		var err error
		if f, err = v.Float64(); err != nil {
			f = math.NaN()
		}
	case float64:
		f = v
	default:
		f = math.NaN()
	}
	if f != math.Trunc(f) || math.Abs(f) > math.MaxInt32 || math.IsNaN(f) {
		return 0, valueFault(name, "a whole number is wanted")
	}
	return int(f), nil
}

func listIn(name string, value any) (*string, error) {
	list, ok := value.([]any)
	if !ok || len(list) > 100 {
		return nil, valueFault(name, "a list of at most 100 names is wanted")
	}
	var names []string
	for _, one := range list {
		text, ok := one.(string)
		if !ok || len(text) > 200 {
			return nil, valueFault(name, "a list of names is wanted")
		}
		names = append(names, text)
	}
	joined := strings.Join(names, ",")
	return &joined, nil
}

// searchAll answers a search over users and groups: users first. Where a filter
// is about what only one of the two has, nothing of the other is found.
func (s *Service) searchAll(ctx context.Context, search Search) (map[string]any, error) {
	if search.SortBy != "" {
		return nil, valueFault("sortBy", "there is no order over users and groups")
	}
	offset, limit := search.window()
	found := make([]any, 0, limit)
	total := int64(0)
	var unfit []error
	for _, part := range []struct {
		kind kindOf
		list func(context.Context, Search) (Page, error)
	}{{userKind(), s.ListUsers}, {groupKind(), s.ListGroups}} {
		one := search
		one.StartIndex, one.Count = max(offset-int(total), 0)+1, limit-len(found)
		page, err := part.list(ctx, one)
		if fault.Is(err, "scim-filter") {
			unfit = append(unfit, err)
			continue
		}
		if err != nil {
			return nil, err
		}
		total += page.Total
		for _, r := range page.Resources {
			found = append(found, search.Selection.of(part.kind, r.Doc))
		}
	}
	if len(unfit) == 2 {
		return nil, unfit[0]
	}
	return answerList(total, int64(offset)+1, found), nil
}
