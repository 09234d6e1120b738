package web

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

const representationKey = "representation"

// Representations of a list besides JSON.
const (
	ndjsonType = "application/x-ndjson"
	csvType    = "text/csv"
)

// negotiate decides the representation from Accept (RFC 9110 §12.5.1). A list
// is also to be had as NDJSON or CSV, page by page; anything else that is asked
// for is a 406.
func negotiate(op api.OperationSpec) echo.MiddlewareFunc {
	offers := slices.Clone(op.Produces)
	if isList(op) {
		offers = append(offers, ndjsonType, csvType)
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			accept := strings.Join(c.Request().Header.Values(echo.HeaderAccept), ",")
			if accept == "" || len(offers) == 0 {
				return next(c)
			}
			chosen := choose(accept, offers)
			if chosen == "" && slices.Contains(op.Produces, scimJSON) && choose(accept, []string{"application/json"}) != "" {
				chosen = scimJSON // which is JSON, and what RFC 7644 §3.8 has a client of plain JSON answered with
			}
			if chosen == "" {
				return fault.New(fault.NotAcceptable, "not-acceptable")
			}
			c.Set(representationKey, chosen)
			c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), representation{}, chosen)))
			return next(c)
		}
	}
}

type representation struct{}

// Representation is the media type that the caller of an operation chose among
// those that it produces; empty where none was asked for.
func Representation(ctx context.Context) string {
	chosen, _ := ctx.Value(representation{}).(string)
	return chosen
}

func isList(op api.OperationSpec) bool {
	return op.Method == http.MethodGet && slices.Contains(op.Produces, "application/json") &&
		slices.ContainsFunc(op.Query, func(q api.QueryParameter) bool { return q.Name == "cursor" })
}

func choose(accept string, offers []string) string {
	best, bestQ := "", 0.0
	for i, offer := range offers {
		q := 0.0
		specificity := -1
		for part := range strings.SplitSeq(accept, ",") {
			media, params, err := mime.ParseMediaType(strings.TrimSpace(part))
			if err != nil {
				continue
			}
			s := -1
			switch {
			case media == offer:
				s = 2
			case strings.HasSuffix(media, "/*") && strings.HasPrefix(offer, strings.TrimSuffix(media, "*")) && media != "*/*":
				s = 1
			case media == "*/*":
				s = 0
			}
			if s <= specificity {
				continue
			}
			specificity = s
			q = 1
			if text, ok := params["q"]; ok {
				if q, err = strconv.ParseFloat(text, 64); err != nil {
					q = 0
				}
			}
		}
		if q > bestQ || (q == bestQ && q > 0 && i == 0) {
			best, bestQ = offer, q
		}
	}
	return best
}

// project applies `fields` and the negotiated representation to the finished
// JSON of a resource or list, so that no domain has to.
func project(op api.OperationSpec) echo.MiddlewareFunc {
	hasFields := slices.ContainsFunc(op.Query, func(q api.QueryParameter) bool { return q.Name == "fields" })
	list := isList(op)
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if !hasFields && !list {
			return next
		}
		return func(c echo.Context) error {
			var fields []string
			if hasFields && c.QueryParam("fields") != "" {
				fields = strings.Split(c.QueryParam("fields"), ",")
			}
			chosen, _ := c.Get(representationKey).(string)
			if fields == nil && chosen != ndjsonType && chosen != csvType {
				return next(c)
			}
			original := c.Response().Writer
			rec := &recorder{header: original.Header(), status: http.StatusOK}
			c.Response().Writer = rec
			err := next(c)
			c.Response().Writer = original
			c.Response().Committed, c.Response().Size = false, 0
			if err != nil {
				return err
			}
			body := rec.body.Bytes()
			if rec.status == http.StatusOK && len(body) > 0 {
				if body, err = represent(body, fields, chosen, c); err != nil {
					return err
				}
			}
			c.Response().WriteHeader(rec.status)
			_, err = c.Response().Write(body)
			return err
		}
	}
}

func represent(body []byte, fields []string, chosen string, c echo.Context) ([]byte, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var doc map[string]any
	if err := d.Decode(&doc); err != nil {
		return nil, fmt.Errorf("web: projecting an answer: %w", err)
	}
	items, isPage := doc["data"].([]any)
	if !isPage {
		if err := keep(doc, fields); err != nil {
			return nil, err
		}
		return marshal(doc)
	}
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			if err := keep(m, fields); err != nil {
				return nil, err
			}
		}
	}
	if chosen != ndjsonType && chosen != csvType {
		return marshal(doc)
	}
	if next, ok := doc["next_cursor"].(string); ok {
		c.Response().Header().Set("Parvis-Next-Cursor", next)
	}
	if chosen == ndjsonType {
		c.Response().Header().Set(echo.HeaderContentType, ndjsonType)
		var b bytes.Buffer
		for _, item := range items {
			line, err := marshal(item)
			if err != nil {
				return nil, err
			}
			b.Write(line)
		}
		return b.Bytes(), nil
	}
	c.Response().Header().Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	return table(items, c.QueryParam("csv_safe") == "true")
}

// keep removes every member of a resource that was not asked for. A name that
// the resource does not have is refused, so that a spelling mistake is seen.
func keep(resource map[string]any, fields []string) error {
	if fields == nil {
		return nil
	}
	f := fault.New(fault.Malformed, "invalid-request")
	for _, name := range fields {
		masked, _ := resource["masked"].([]any)
		if _, ok := resource[name]; !ok && !slices.Contains(masked, any("/"+name)) {
			f.Violations = append(f.Violations, fault.Violation{Code: "unknown-field", Parameter: "fields"})
			return f
		}
	}
	for name := range resource {
		if name != "id" && name != "object" && name != "masked" && !slices.Contains(fields, name) {
			delete(resource, name)
		}
	}
	return nil
}

// table writes a page as CSV (RFC 4180): one column a member, nested values as
// JSON. Values are byte-true, unless safe asks that no spreadsheet takes a text
// for a formula.
func table(items []any, safe bool) ([]byte, error) {
	var columns []string
	seen := map[string]bool{}
	for _, item := range items {
		m, _ := item.(map[string]any)
		for name := range m {
			if !seen[name] {
				seen[name] = true
				columns = append(columns, name)
			}
		}
	}
	slices.Sort(columns)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	w.UseCRLF = true
	if err := w.Write(columns); err != nil {
		return nil, err
	}
	for _, item := range items {
		m, _ := item.(map[string]any)
		row := make([]string, len(columns))
		for i, name := range columns {
			switch v := m[name].(type) {
			case nil:
			case string:
				row[i] = v
				if safe {
					row[i] = unformulated(v)
				}
			default:
				text, err := marshal(v)
				if err != nil {
					return nil, err
				}
				row[i] = strings.TrimSpace(string(text))
			}
		}
		if err := w.Write(row); err != nil {
			return nil, err
		}
	}
	w.Flush()
	return b.Bytes(), w.Error()
}

// unformulated keeps a spreadsheet from computing a text: an apostrophe at its
// beginning says that it is one.
func unformulated(text string) string {
	if text != "" && strings.ContainsRune("=+-@\t\r", rune(text[0])) {
		return "'" + text
	}
	return text
}

func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
