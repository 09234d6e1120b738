package helloassotest

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/fakevendor"
)

func paging() []string {
	return []string{"from", "to", "userSearchKey", "pageIndex", "pageSize", "continuationToken", "sortOrder"}
}

// known refuses parameters that the description does not have.
func (s *Server) known(w http.ResponseWriter, r fakevendor.Request, more ...string) bool {
	name := fakevendor.Unknown(r.Query, append(paging(), more...)...)
	if name != "" {
		refuse(w, http.StatusBadRequest, "unknown parameter "+name)
		return false
	}
	if order := r.Query.Get("sortOrder"); order != "" && order != "Asc" && order != "Desc" {
		refuse(w, http.StatusBadRequest, "sortOrder")
		return false
	}
	if s.before != nil {
		s.before()
	}
	return true
}

// listOrders knows when orders were placed, and nothing of when they changed.
func (s *Server) listOrders(w http.ResponseWriter, r fakevendor.Request) {
	if !s.known(w, r, "formTypes", "withDetails") {
		return
	}
	var rows []M
	for _, o := range s.orders {
		date := timeOf(o["date"])
		if from := timeOf(r.Query.Get("from")); date.Before(from) {
			continue
		}
		if to := timeOf(r.Query.Get("to")); !to.IsZero() && !date.Before(to) {
			continue
		}
		if types := r.Query["formTypes"]; len(types) > 0 && !slices.Contains(types, fakevendor.Text(o["formType"])) {
			continue
		}
		if s.Shown(fakevendor.Text(o["id"])) {
			rows = append(rows, details(o, r.Query.Get("withDetails") == "true"))
		}
	}
	sorted(rows, r, func(o M) time.Time { return timeOf(o["date"]) })
	s.page(w, r, rows)
}

// details leaves custom fields out unless they are asked for.
func details(o M, with bool) M {
	if with {
		return o
	}
	o = maps.Clone(o)
	var items []any
	for _, i := range o["items"].([]any) {
		i := maps.Clone(i.(M))
		delete(i, "customFields")
		items = append(items, i)
	}
	o["items"] = items
	return o
}

func sorted(rows []M, r fakevendor.Request, by func(M) time.Time) {
	slices.SortStableFunc(rows, func(a, b M) int {
		if r.Query.Get("sortOrder") == "Asc" {
			return by(a).Compare(by(b))
		}
		return by(b).Compare(by(a))
	})
}

func updated(p M) time.Time {
	m, _ := p["meta"].(M)
	return timeOf(m["updatedAt"])
}

// listPayments gives each payment with a part of its order.
func (s *Server) listPayments(w http.ResponseWriter, r fakevendor.Request) {
	if !s.known(w, r, "states", "sortField") {
		return
	}
	field := r.Query.Get("sortField")
	if field != "" && !slices.Contains([]string{"Date", "UpdateDate"}, field) {
		refuse(w, http.StatusBadRequest, "sortField")
		return
	}
	var rows []M
	for _, o := range s.orders {
		payments, _ := o["payments"].([]any)
		for _, p := range payments {
			p := maps.Clone(p.(M))
			p["order"] = M{"id": o["id"], "date": o["date"], "formSlug": o["formSlug"], "formType": o["formType"], "organizationSlug": o["organizationSlug"], "meta": o["meta"]}
			rows = append(rows, p)
		}
	}
	sorted(rows, r, func(p M) time.Time {
		if field == "UpdateDate" {
			return updated(p)
		}
		return timeOf(p["date"])
	})
	s.page(w, r, rows)
}

// listForms gives forms without prices and places.
func (s *Server) listForms(w http.ResponseWriter, r fakevendor.Request) {
	if name := fakevendor.Unknown(r.Query, "states", "formTypes", "pageIndex", "pageSize", "continuationToken"); name != "" {
		refuse(w, http.StatusBadRequest, fmt.Sprint("unknown parameter ", name))
		return
	}
	var rows []M
	for _, f := range s.forms {
		if types := r.Query["formTypes"]; len(types) > 0 && !slices.Contains(types, fakevendor.Text(f["formType"])) {
			continue
		}
		f = maps.Clone(f)
		delete(f, "tiers")
		delete(f, "place")
		rows = append(rows, f)
	}
	s.page(w, r, rows)
}
