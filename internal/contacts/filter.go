package contacts

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/fault"
)

// Limits of a filter tree.
const (
	maxFilterDepth   = 5
	maxFilterClauses = 50
)

// Filter is a tree of conditions: a node is And, Or, Not, or a condition of
// Field, Op and Value.
type Filter struct {
	And, Or []Filter
	Not     *Filter
	Field   string
	Op      string
	Value   json.RawMessage
}

// column says how a field is reached: a condition on text, with %s for the
// comparison of the expression.
type column struct {
	expression string // compared
	within     string // what stands around it; %s is the comparison, empty: nothing
	kind       string // text, time, date, uuid, name
	class      string // of field, as in the contract
}

func filterColumns() map[string]column {
	text := func(e string) column { return column{expression: e, kind: "text"} }
	name := func(e string) column { return column{expression: e, kind: "text", class: "identity"} }
	point := func(kind, e string) column {
		return column{expression: e, kind: "text", class: "contact_point", within: "EXISTS (SELECT 1 FROM contact_points p WHERE p.tenant_id = $1 AND p.contact_id = c.id AND p.kind = '" + kind + "' AND %s)"}
	}
	external := func(e string) column {
		return column{expression: e, kind: "text", within: "EXISTS (SELECT 1 FROM contact_external_ids e WHERE e.tenant_id = $1 AND e.contact_id = c.id AND %s)"}
	}
	address := func(e string) column {
		return column{expression: e, kind: "text", class: "contact_point", within: "EXISTS (SELECT 1 FROM addresses a WHERE a.tenant_id = $1 AND a.contact_id = c.id AND %s)"}
	}
	return map[string]column{
		"kind": text("c.kind"), "civility": name("c.civility"), "given_name": name("c.given_name"), "family_name": name("c.family_name"),
		"birth_name": {expression: "c.birth_name", kind: "text", class: "civil"}, "nickname": name("c.nickname"), "legal_name": name("c.legal_name"), "trade_name": name("c.trade_name"),
		"organisation_type": name("c.organisation_type"), "siren": name("c.siren"), "siret": name("c.siret"), "rna": name("c.rna"),
		"locale": text("c.locale"), "source": text("c.source"), "name": {expression: "c.sort_name", kind: "name"},
		"birthdate": {expression: "c.birthdate", kind: "date", class: "civil"}, "created_at": {expression: "c.created_at", kind: "time"}, "updated_at": {expression: "c.updated_at", kind: "time"},
		"email": point(Email, "p.normalized"), "email_status": point(Email, "p.status"), "phone": point(Phone, "p.normalized"),
		"tag_id":          {expression: "t.tag_id", kind: "uuid", within: "EXISTS (SELECT 1 FROM contact_tags t WHERE t.tenant_id = $1 AND t.contact_id = c.id AND %s)"},
		"owner_id":        {expression: "c.owner_id", kind: "uuid"},
		"department_id":   {expression: "d.department_id", kind: "uuid", within: "EXISTS (SELECT 1 FROM contact_departments d WHERE d.tenant_id = $1 AND d.contact_id = c.id AND %s)"},
		"external_source": external("e.source"), "external_id": external("e.external_id"),
		"postal_code": address("a.postal_code"), "city": address("a.city"), "country": address("a.country"),
	}
}

// sql writes the tree as a condition.
func (f Filter) sql(st *statement) (string, error) {
	w := &filterWriter{st: st, refused: fault.Invalid(), columns: filterColumns()}
	condition := w.node(f, "#/filter", 1)
	return condition, w.refused.OrNil()
}

type filterWriter struct {
	st      *statement
	refused *fault.Error
	columns map[string]column
	clauses int
}

func (w *filterWriter) node(f Filter, at string, depth int) string {
	forms := 0
	for _, has := range []bool{f.And != nil, f.Or != nil, f.Not != nil, f.Field != "" || f.Op != ""} {
		if has {
			forms++
		}
	}
	switch {
	case forms != 1:
		w.refused.At(at, "filter-shape")
	case depth > maxFilterDepth:
		w.refused.At(at, "too-deep", "limit", maxFilterDepth)
	case f.And != nil:
		return w.join(f.And, at+"/and", " AND ", depth)
	case f.Or != nil:
		return w.join(f.Or, at+"/or", " OR ", depth)
	case f.Not != nil:
		// Whatever is unknown does not hold, so its contrary does.
		return "(" + w.node(*f.Not, at+"/not", depth+1) + ") IS NOT TRUE"
	default:
		return w.condition(f, at)
	}
	return "false"
}

func (w *filterWriter) join(nodes []Filter, at, word string, depth int) string {
	parts := make([]string, len(nodes))
	for i, n := range nodes {
		parts[i] = w.node(n, fmt.Sprintf("%s/%d", at, i), depth+1)
	}
	return "(" + strings.Join(parts, word) + ")"
}

func (w *filterWriter) condition(f Filter, at string) string {
	if w.clauses++; w.clauses > maxFilterClauses {
		if w.clauses == maxFilterClauses+1 {
			w.refused.At(at, "filter-too-big", "limit", maxFilterClauses)
		}
		return "false"
	}
	col, ok := w.columns[f.Field]
	if !ok {
		w.refused.At(at+"/field", "filter-field")
		return "false"
	}
	negative := map[string]string{"ne": "eq", "not_in": "in"}
	op, negated := f.Op, false
	if positive, ok := negative[op]; ok {
		op, negated = positive, true
	}
	var comparison string
	if op == "is_null" {
		var isNull bool
		if json.Unmarshal(f.Value, &isNull) != nil {
			w.refused.At(at+"/value", "filter-value")
			return "false"
		}
		negated = isNull
		comparison = col.expression + " IS NOT NULL"
	} else if comparison = w.compare(f, col, op, at); comparison == "" {
		return "false"
	}
	comparison += w.masked(col)
	if col.within != "" {
		comparison = strings.Replace(col.within, "%s", comparison, 1)
	}
	if negated {
		return "(" + comparison + ") IS NOT TRUE"
	}
	return comparison
}

// masked is what a comparison adds so that nobody is found, or told apart, by
// what the reader does not see.
func (w *filterWriter) masked(col column) string {
	switch {
	case col.class != "" && !w.st.actor.Reads(col.class):
		return " AND false"
	case col.class == "contact_point":
		return w.st.reached("c.id")
	case col.kind == "name":
		if shown := w.st.nameShown(); shown != "" {
			return " AND " + shown
		}
	}
	return ""
}

func (w *filterWriter) compare(f Filter, col column, op, at string) string {
	operators := map[string]string{"eq": "=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
	if col.kind == "uuid" && op != "eq" && op != "in" || op == "within_days" && col.kind != "time" && col.kind != "date" ||
		(op == "contains" || op == "prefix") && col.kind != "text" && col.kind != "name" {
		w.refused.At(at+"/op", "filter-operator", "op", f.Op)
		return ""
	}
	switch op {
	case "in":
		values, ok := w.values(f.Value, col)
		if !ok {
			w.refused.At(at+"/value", "filter-value")
			return ""
		}
		return col.expression + " = ANY(" + w.st.arg(values) + ")"
	case "within_days":
		var days int
		if json.Unmarshal(f.Value, &days) != nil {
			w.refused.At(at+"/value", "filter-value")
			return ""
		}
		return col.expression + " >= now() - make_interval(days => " + w.st.arg(days) + ") AND " + col.expression + " <= now()"
	}
	value, ok := w.value(f.Value, col)
	if !ok {
		w.refused.At(at+"/value", "filter-value")
		return ""
	}
	switch op {
	case "contains":
		return "position(lower(" + w.st.arg(value) + "::text) in lower(" + col.expression + ")) > 0"
	case "prefix":
		if col.kind == "name" {
			if value == "" { // no letter and no digit was asked for
				return "false"
			}
			from, to := w.st.arg(value), w.st.arg(value.(string)+lastRune)
			return col.expression + " >= " + from + " AND " + col.expression + " < " + to
		}
		return "starts_with(lower(" + col.expression + "), lower(" + w.st.arg(value) + "::text))"
	}
	return col.expression + " " + operators[op] + " " + w.st.arg(value)
}

func (w *filterWriter) value(raw json.RawMessage, col column) (any, bool) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return nil, false
	}
	switch col.kind {
	case "time":
		t, err := time.Parse(time.RFC3339Nano, text)
		return t.UTC(), err == nil
	case "date":
		t, err := time.Parse(time.DateOnly, text)
		return t, err == nil
	case "uuid":
		id, err := uuid.Parse(text)
		return id, err == nil
	case "name":
		return Fold(text), true
	}
	if strings.HasPrefix(col.expression, "p.normalized") && strings.Contains(col.within, "'email'") {
		if normalized, err := NormalizeEmail(text); err == nil {
			return normalized, true
		}
		return strings.ToLower(text), true
	}
	if strings.HasPrefix(col.expression, "p.normalized") {
		if normalized, err := NormalizePhone(text, ""); err == nil {
			return normalized, true
		}
	}
	return text, true
}

func (w *filterWriter) values(raw json.RawMessage, col column) (any, bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return nil, false
	}
	var texts []string
	var times []time.Time
	var identifiers []uuid.UUID
	for _, item := range list {
		v, ok := w.value(item, col)
		if !ok {
			return nil, false
		}
		switch v := v.(type) {
		case string:
			texts = append(texts, v)
		case time.Time:
			times = append(times, v)
		case uuid.UUID:
			identifiers = append(identifiers, v)
		}
	}
	switch col.kind {
	case "time", "date":
		return times, true
	case "uuid":
		return identifiers, true
	}
	return texts, true
}
