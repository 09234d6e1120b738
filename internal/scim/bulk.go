package scim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Limits of a request of many operations, as ServiceProviderConfig says them
// (RFC 7644 §3.7.4).
const (
	mostBulk    = 200
	largestBulk = 1 << 20

	bulkURN    = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	bulkPrefix = "bulkId:"
)

// bulkOperation is one operation of many (RFC 7644 §3.7).
type bulkOperation struct {
	method, bulkID, path, version string
	data                          map[string]any
	// refers are the bulkIds that it names.
	refers []string
	result map[string]any
}

// Bulk does many operations, each by itself. An operation waits for those whose
// bulkIds it names; where they wait for each other, none is done.
func (s *Service) Bulk(ctx context.Context, body map[string]any) (map[string]any, error) {
	operations, allowed, err := readBulk(body)
	if err != nil {
		return nil, err
	}
	made, failures := map[string]string{}, 0
	for done := 0; done < len(operations) && (allowed == 0 || failures < allowed); {
		next := -1
		for i, op := range operations {
			if op.result == nil && !slices.ContainsFunc(op.refers, func(id string) bool { return waits(operations, id) }) {
				next = i
				break
			}
		}
		if next < 0 { // what is left waits for itself
			next = slices.IndexFunc(operations, func(op *bulkOperation) bool { return op.result == nil })
		}
		failed, err := s.doOne(ctx, operations[next], made)
		if err != nil {
			return nil, err
		}
		if failed {
			failures++
		}
		done++
	}
	results := []any{}
	for _, op := range operations {
		if op.result != nil {
			results = append(results, op.result)
		}
	}
	return map[string]any{"schemas": []string{bulkURN}, "Operations": results}, nil
}

// waits tells whether the operation of a bulkId is still to be done.
func waits(operations []*bulkOperation, id string) bool {
	return slices.ContainsFunc(operations, func(op *bulkOperation) bool { return op.bulkID == id && op.result == nil })
}

func readBulk(body map[string]any) (out []*bulkOperation, failOnErrors int, err error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, 0, err
	}
	if len(raw) > largestBulk {
		return nil, 0, fault.New(fault.TooLarge, "too-large").With("limit", largestBulk)
	}
	var list []any
	for _, name := range slices.Sorted(maps.Keys(body)) {
		switch strings.ToLower(name) {
		case "schemas":
		case "failonerrors":
			if failOnErrors, err = numberIn(name, body[name]); err != nil {
				return nil, 0, err
			}
			if failOnErrors < 1 {
				return nil, 0, valueFault(name, "at least 1 is wanted")
			}
		case "operations":
			list, _ = body[name].([]any)
		default:
			return nil, 0, fault.New(fault.Malformed, "invalid-request").At("#/"+name, "unknown-property")
		}
	}
	if len(list) > mostBulk {
		return nil, 0, fault.New(fault.TooLarge, "too-large").With("limit", mostBulk)
	}
	if len(list) == 0 {
		return nil, 0, syntaxFault(fmt.Sprintf("1 to %d Operations are wanted", mostBulk))
	}
	taken := map[string]bool{}
	for _, one := range list {
		m, ok := one.(map[string]any)
		if !ok {
			return nil, 0, syntaxFault("an operation is an object")
		}
		op := &bulkOperation{}
		text := func(name string) string { t, _ := member(m, name).(string); return t }
		op.method, op.bulkID, op.path, op.version = strings.ToUpper(text("method")), text("bulkId"), text("path"), text("version")
		op.data, _ = member(m, "data").(map[string]any)
		switch {
		case !slices.Contains([]string{http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, op.method):
			return nil, 0, syntaxFault("method is POST, PUT, PATCH or DELETE")
		case len(op.path) > 400 || len(op.bulkID) > 200:
			return nil, 0, syntaxFault("a path or a bulkId is too long")
		case op.method == http.MethodPost && op.bulkID == "":
			return nil, 0, syntaxFault("a POST has a bulkId")
		case op.bulkID != "" && taken[op.bulkID]:
			return nil, 0, syntaxFault("each bulkId is given once")
		case op.method != http.MethodDelete && op.data == nil:
			return nil, 0, syntaxFault("data is an object")
		}
		taken[op.bulkID] = true
		references(op.path, &op.refers)
		references(op.data, &op.refers)
		out = append(out, op)
	}
	return out, failOnErrors, nil
}

// references gathers the bulkIds that a value names: a text that begins with
// "bulkId:", and the last part of a path.
func references(value any, into *[]string) {
	switch v := value.(type) {
	case string:
		last := v[strings.LastIndex(v, "/")+1:]
		if id, ok := strings.CutPrefix(last, bulkPrefix); ok {
			*into = append(*into, id)
		}
	case []any:
		for _, one := range v {
			references(one, into)
		}
	case map[string]any:
		for _, one := range v {
			references(one, into)
		}
	}
}

// resolved is a value with ids in place of bulkIds.
func resolved(value any, made map[string]string) (any, error) {
	switch v := value.(type) {
	case string:
		at := strings.LastIndex(v, "/") + 1
		id, ok := strings.CutPrefix(v[at:], bulkPrefix)
		if !ok {
			return v, nil
		}
		known, ok := made[id]
		if !ok {
			return nil, fault.New(fault.Conflict, "scim-bulk-reference").With("reference", clip(bulkPrefix+id))
		}
		return v[:at] + known, nil
	case []any:
		out := make([]any, len(v))
		for i, one := range v {
			var err error
			if out[i], err = resolved(one, made); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, one := range v {
			var err error
			if out[name], err = resolved(one, made); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return value, nil
}

// doOne does one operation and keeps what came of it.
func (s *Service) doOne(ctx context.Context, op *bulkOperation, made map[string]string) (failed bool, err error) {
	op.result = map[string]any{"method": op.method}
	if op.bulkID != "" {
		op.result["bulkId"] = op.bulkID
	}
	status, at, version, err := s.apply(ctx, op, made)
	if err != nil {
		code, message, ok := web.SCIMError(ctx, err)
		if !ok {
			return true, err
		}
		op.result["status"], op.result["response"] = strconv.Itoa(code), message
		if op.method != http.MethodPost {
			op.result["location"] = at
		}
		return true, nil
	}
	op.result["status"], op.result["location"] = strconv.Itoa(status), at
	if version != "" {
		op.result["version"] = version
	}
	return false, nil
}

func (s *Service) apply(ctx context.Context, op *bulkOperation, made map[string]string) (status int, at, version string, err error) {
	path, err := resolved(op.path, made)
	if err != nil {
		return 0, op.path, "", err
	}
	endpoint, id, one := strings.Cut(strings.TrimPrefix(fmt.Sprint(path), "/"), "/")
	at = locationOf(ctx, "/"+endpoint, id)
	verbs, known := s.verbs()[endpoint]
	if !known || (one && id == "") || strings.Contains(id, "/") || one == (op.method == http.MethodPost) {
		return 0, at, "", fault.NotFound()
	}
	data, err := resolved(op.data, made)
	if err != nil {
		return 0, at, "", err
	}
	body, _ := data.(map[string]any)
	var match *string
	if op.version != "" {
		match = &op.version
	}
	var r Resource
	status = http.StatusOK
	switch op.method {
	case http.MethodPost:
		if r, err = verbs.create(ctx, body); err == nil {
			status, made[op.bulkID] = http.StatusCreated, r.ID
			at = locationOf(ctx, "/"+endpoint, r.ID)
		}
	case http.MethodPut:
		r, err = verbs.replace(ctx, id, body, match)
	case http.MethodPatch:
		r, err = verbs.patch(ctx, id, body, match)
	default:
		status, err = http.StatusNoContent, verbs.remove(ctx, id, match)
	}
	if err == nil && op.bulkID != "" && op.method != http.MethodPost {
		made[op.bulkID] = id
	}
	return status, at, r.Version, err
}

// verbs are what can be done with the resources of an endpoint.
type verbs struct {
	create         func(context.Context, map[string]any) (Resource, error)
	replace, patch func(context.Context, string, map[string]any, *string) (Resource, error)
	remove         func(context.Context, string, *string) error
}

func (s *Service) verbs() map[string]verbs {
	return map[string]verbs{
		"Users":  {s.CreateUser, s.ReplaceUser, s.PatchUser, s.DeleteUser},
		"Groups": {s.CreateGroup, s.ReplaceGroup, s.PatchGroup, s.DeleteGroup},
	}
}
