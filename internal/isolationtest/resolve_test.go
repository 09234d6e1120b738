package isolationtest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// operation is an operation of the contract by its id.
func operation(id string) api.OperationSpec {
	op, ok := api.Operations[id]
	if !ok {
		panic("no operation " + id)
	}
	return op
}

// aliases are the names in the contract of what the worlds call otherwise.
// Everything else is called by its name without "_id" or "_ids".
var aliases = map[string]string{
	"consumer_name": "consumer", "parent": "department", "endpoint": "endpoint", "webhook_endpoint": "endpoint", "external_source": "source", "actor": "api_key", "credential": "api_key",
	"owner": "user", "reassign_to": "user", "to": "user", "viewer": "user",
}

// kindOf is what a parameter names in an operation.
func kindOf(op api.OperationSpec, name string) string {
	if name == "external_id" {
		return "external"
	}
	if rest, ok := strings.CutPrefix(op.Path, "/v1/scim/v2/"); ok && (name == "resource" || name == "name") {
		kind, _, _ := strings.Cut(rest, "/")
		return map[string]string{"Users": "scim_user", "Groups": "scim_group", "Schemas": "scim_name", "ResourceTypes": "scim_name"}[kind]
	}
	if name == "identity_provider_id" && strings.HasSuffix(op.Path, "/saml") {
		return "saml_provider" // which is set up otherwise
	}
	if name == "operation_id" && strings.HasSuffix(op.Path, "/imports/{operation_id}/results") {
		return "ticketing_import" // which is an operation of a kind of its own
	}
	name = strings.TrimSuffix(strings.TrimSuffix(name, "_ids"), "_id")
	if alias, ok := aliases[name]; ok {
		return alias
	}
	return name
}

// plain are query parameters that name no record, with what they are.
var plain = map[string]string{
	"limit": "size of a page", "cursor": "place in a list of one's own", "sort": "order", "fields": "projection", "count": "wish for a total", "expand": "wish for more",
	"kind": "one of the contract's words", "status": "one of the contract's words", "archived": "yes or no", "test": "yes or no", "is_effective": "yes or no",
	"include_expired": "yes or no", "review": "one of the contract's words", "principal_kind": "one of the contract's words", "channel": "one of the contract's words",
	"action": "one of the contract's words", "commercial_state": "one of the contract's words", "payment_state": "one of the contract's words",
	"language": "a language", "match": "a way of matching", "event_type": "one of the contract's words", "types": "words of the contract", "after": "place in the log",
	"from": "place in the log", "to": "place in the log, or an address of the sandbox's outbox", "wait": "a time", "since": "an instant", "as_of": "an instant",
	"created_at_gte": "an instant", "created_at_lt": "an instant", "updated_at_gte": "an instant", "updated_at_lt": "an instant", "recorded_at_gte": "an instant",
	"recorded_at_lt": "an instant", "placed_at_gte": "an instant", "placed_at_lt": "an instant", "starts_at_gte": "an instant", "starts_at_lt": "an instant",
	"occurred_at_gte": "an instant", "occurred_at_lt": "an instant", "source_version": "the sender's own", "source_modified_at": "the sender's own",
	"purpose": "a code, which an institution knows of its own", "siren": "a number of the public register", "siret": "a number of the public register",
	"filter": "conditions on what one may read", "startIndex": "place in a list of one's own", "sortBy": "order", "sortOrder": "order", "attributes": "projection", "excludedAttributes": "projection",
	"at": "an instant", "subject_kind": "one of the contract's words", "pointer": "a name of a field",
	"valid_until_gte": "an instant", "valid_until_lt": "an instant", "attended": "yes or no", "attached": "yes or no", "state": "one of the contract's words", "as": "one of the contract's words",
	"csv_safe": "yes or no", "restricted": "yes or no", "operation": "one of the contract's words",
	"orders_gte": "a figure", "orders_lte": "a figure", "orders_last_year_gte": "a figure", "orders_last_year_lte": "a figure", "net_gte": "a figure", "net_lte": "a figure", "net_last_year_gte": "a figure", "net_last_year_lte": "a figure", "tickets_gte": "a figure", "tickets_lte": "a figure", "visits_gte": "a figure", "visits_lte": "a figure", "missed_visits_gte": "a figure", "missed_visits_lte": "a figure", "subscriptions_gte": "a figure", "subscriptions_lte": "a figure",
	"last_order_at_gte": "an instant", "last_order_at_lt": "an instant", "first_visit_at_gte": "an instant", "first_visit_at_lt": "an instant", "last_visit_at_gte": "an instant", "last_visit_at_lt": "an instant", "currency": "a currency", "discipline": "a word of the sender's own", "season": "a word of the sender's own",
	"field": "one of the contract's words", "value": "a word of the sender's own", "reference": "a name in a scheme outside", "term_id": "a name in a list that others keep", "code": "a code, which an institution knows of its own",
	"kinds": "words of the contract", "format": "one of the contract's words", "dry_run": "yes or no",
}

// loose are places in bodies that end like an identifier and name no record,
// with what they are.
var loose = map[string]string{
	"term_id": "a name in a list that others keep", "items[].term_id": "a name in a list that others keep",
	"client_id": "the name that an identity provider has given", "campaign_id": "the sender's own name for a mailing", "batch_id": "the sender's own name for a delivery", "external_id": "the name of a team in a directory",
	"records[].external_id": "the sender's own name in a source that the address names", "items[].body": "asked as the operation on the single contact",
}

// lacking is a name of this kind that nobody has.
func lacking(kind string) string {
	switch kind {
	case "number":
		return "1"
	case "kind":
		return "order"
	case "quarter":
		return "2026-Q4"
	case "token":
		return strings.Repeat("a", 43)
	case "connector":
		return "pretix"
	case "source", "consumer", "external", "q", "name_prefix", "voucher_code", "campaign":
		return "nobody" + strings.ReplaceAll(ids.New().String(), "-", "")
	case "email", "mailbox":
		return "nobody" + ids.New().String() + "@courrier.example"
	case "phone":
		return "+33639989998"
	}
	return ids.New().String()
}

// missing is the same names, of which there is nothing.
func missing(of names) names {
	out := names{}
	for kind := range of {
		out[kind] = lacking(kind)
	}
	return out
}

func merged(all ...names) names {
	out := names{}
	for _, n := range all {
		maps.Copy(out, n)
	}
	return out
}

// address fills the path of an operation and the parameters that it needs, with
// the one that a question is about.
func address(t *testing.T, op api.OperationSpec, with names, about string) string {
	t.Helper()
	path := op.Path
	for _, p := range op.PathParameters {
		value, known := with[kindOf(op, p.Name)]
		require.True(t, known, "%s: nothing in these tests is a %q, which its path names: make one in world_test.go, or say in resolve_test.go what it is called there", op.ID, p.Name)
		path = strings.ReplaceAll(path, "{"+p.Name+"}", url.PathEscape(value))
	}
	query := url.Values{}
	for _, q := range op.Query {
		value, word := words[q.Name]
		if !word {
			value = with[kindOf(op, q.Name)]
		}
		if q.Required || q.Name == about || (q.Name == "count" && !strings.HasPrefix(op.Path, "/v1/scim/")) {
			query.Set(q.Name, value)
		}
	}
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	return path
}

// words are what goes into query parameters that name no record, where one is
// asked for.
var words = map[string]string{"count": "exact", "from": "1", "to": "1", "subject_kind": "contact", "principal_kind": "user", "operation": "getContact", "at": "2030-01-01T00:00:00Z", "as_of": "2030-01-01T00:00:00Z"}

// asked are the kinds of record that the path of an operation names.
func asked(op api.OperationSpec) []string {
	var out []string
	for _, p := range op.PathParameters {
		out = append(out, kindOf(op, p.Name))
	}
	return out
}

var spec = func() map[string]any {
	var doc map[string]any
	if err := json.Unmarshal(api.SpecJSON, &doc); err != nil {
		panic(err)
	}
	return doc
}()

func schemaAt(node map[string]any) map[string]any {
	for {
		ref, ok := node["$ref"].(string)
		if !ok {
			return node
		}
		var there any = spec
		for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
			switch at := there.(type) {
			case map[string]any:
				there = at[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
			case []any:
				place, _ := strconv.Atoi(name)
				there = at[place]
			}
		}
		node, _ = there.(map[string]any)
	}
}

// identifiers are the places in a JSON body that hold an identifier, written
// as items[].id.
func identifiers(op api.OperationSpec) []string {
	found := map[string]bool{}
	for media, pointer := range op.Bodies {
		if strings.HasSuffix(media, "json") {
			collect(schemaAt(map[string]any{"$ref": pointer}), "", found, 0)
		}
	}
	return slices.Sorted(maps.Keys(found))
}

func collect(s map[string]any, at string, found map[string]bool, depth int) {
	s = schemaAt(s)
	if depth > 8 || loose[at] != "" {
		return
	}
	last := at[strings.LastIndex(at, ".")+1:]
	name := strings.TrimSuffix(last, "[]")
	kinds := fmt.Sprint(s["type"])
	scalar := strings.Contains(kinds, "string") || kinds == "<nil>" && s["properties"] == nil && s["items"] == nil
	if scalar && at != "" && (s["format"] == "uuid" || strings.HasSuffix(name, "_id") || strings.HasSuffix(name, "_ids")) {
		found[at] = true
	}
	properties, _ := s["properties"].(map[string]any)
	for name, p := range properties {
		collect(p.(map[string]any), strings.TrimPrefix(at+"."+name, "."), found, depth+1)
	}
	if items, ok := s["items"].(map[string]any); ok {
		collect(items, at+"[]", found, depth+1)
	}
	for _, way := range []string{"allOf", "oneOf", "anyOf"} {
		ways, _ := s[way].([]any)
		for _, w := range ways {
			collect(w.(map[string]any), at, found, depth+1)
		}
	}
}

// examples keeps what the contract shows, since it is asked for thousands of times.
var examples sync.Map

// example is the contract's example of a request body, to be changed at will.
func example(op api.OperationSpec) (body map[string]any, media string, ok bool) {
	type kept struct {
		raw   []byte
		media string
	}
	known, found := examples.Load(op.ID)
	if !found {
		body, media, ok := parvistest.ExampleBody(op)
		k := kept{media: media}
		if ok {
			k.raw, _ = json.Marshal(body)
		}
		examples.Store(op.ID, k)
		known = k
	}
	k := known.(kept)
	return body, k.media, k.raw != nil && json.Unmarshal(k.raw, &body) == nil
}

// bodyFor is the example of an operation with its identifiers from these names.
// place, unless empty, is set whether the example has it or not.
func bodyFor(t *testing.T, op api.OperationSpec, with names, place string, at names) (body map[string]any, media string, ok bool) {
	t.Helper()
	body, media, ok = example(op)
	if !ok {
		return nil, "", false
	}
	switch {
	case op.ID == "putTicketingRecord": // the address says an order, the example shows a performance
		body["data"] = m{"commercial_state": "confirmed", "lines": []m{}, "placed_at": "2026-11-01T10:00:00Z"}
	case strings.HasPrefix(place, "external_ref."): // instead of what the example looks up by
		clear(body)
	case strings.HasPrefix(place, "definition."): // which is changed as a whole
		whole, _, _ := example(operation("createForm"))
		body["definition"] = whole["definition"]
	}
	fill(op, body, "", with)
	if place == "" {
		return body, media, true
	}
	kind := kindIn(op, place)
	value, known := at[kind]
	require.True(t, known, "%s: nothing in these tests is a %q, which its body names at %s: make one in world_test.go, or say in resolve_test.go what it is", op.ID, kind, place)
	set(body, strings.Split(place, "."), value, at)
	return body, media, true
}

// kindIn is what a place in a body names.
func kindIn(op api.OperationSpec, place string) string {
	if place == "items[].id" {
		return "contact" // a batch of contacts
	}
	return kindOf(op, strings.TrimSuffix(place[strings.LastIndex(place, ".")+1:], "[]"))
}

// fill replaces the identifiers in an example.
func fill(op api.OperationSpec, node map[string]any, at string, with names) {
	for name, v := range node {
		place := strings.TrimPrefix(at+"."+name, ".")
		switch v := v.(type) {
		case map[string]any:
			fill(op, v, place, with)
		case string:
			if anID.MatchString(v) && loose[place] == "" {
				if known, ok := with[kindIn(op, place)]; ok {
					node[name] = known
				}
			}
			if name == "purpose" {
				node[name] = with["purpose_code"]
			}
			if strings.HasSuffix(name, "_source") || name == "source" && op.ID == "createAPIKey" {
				node[name] = with["source"]
			}
		}
	}
}

// set puts a value at a place, making what is on the way.
func set(node map[string]any, place []string, value string, at names) {
	name, list := strings.CutSuffix(place[0], "[]")
	if len(place) == 1 {
		if list {
			node[name] = []any{value}
			return
		}
		node[name] = value
		return
	}
	next := map[string]any{}
	switch have := node[name].(type) {
	case map[string]any:
		next = have
	case []any:
		if len(have) > 0 {
			next, _ = have[0].(map[string]any)
		}
	}
	switch place[0] { // what the schema asks for beside the identifier
	case "external_ids[]", "external_ref":
		next["source"] = at["source"]
	case "items[]":
		next = map[string]any{"op": "archive"}
		if place[1] == "external_id" {
			next = map[string]any{"op": "upsert", "source": at["source"], "body": map[string]any{"kind": "person", "family_name": "Essai"}}
		}
	case "consents[]":
		next["field"], next["purpose"], next["channel"] = "newsletter", at["purpose_code"], "email"
	}
	if list {
		node[name] = []any{next}
	} else {
		node[name] = next
	}
	set(next, place[1:], value, at)
}
