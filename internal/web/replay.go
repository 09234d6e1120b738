package web

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
)

// Subjects tells what the principal of a context sees of a contact now.
type Subjects interface {
	// Present is the fault that reading the contact would answer with, nil where it
	// would be read; reaches says whether its contact points would be read too.
	Present(ctx context.Context, contact uuid.UUID) (reaches bool, err error)
}

// contactPoints is the class of the fields by which a person is reached.
const contactPoints = "contact_point"

// refresh holds a kept answer to what its reader may see now: rights may have
// been lost since, a consent withdrawn, a contact restricted, merged or erased.
// What reading the contact would answer today is the answer then.
func (i Idempotency) refresh(ctx context.Context, c echo.Context, op api.OperationSpec, kept *keptAnswer) error {
	if i.Subjects == nil || kept.status >= http.StatusBadRequest {
		return nil
	}
	var body any
	if len(kept.body) > 0 && isJSON(strings.TrimSpace(strings.Split(kept.headers["Content-Type"], ";")[0])) {
		d := json.NewDecoder(bytes.NewReader(kept.body))
		d.UseNumber()
		if err := d.Decode(&body); err != nil {
			return fmt.Errorf("web: a kept answer: %w", err)
		}
	}
	r := refreshing{i: i, c: c, looks: map[uuid.UUID]looked{}, erasure: slices.Contains(op.Events, "contact.erased")}
	for _, text := range []string{c.Param("contact_id"), contactOf(kept.headers["Location"])} {
		if err := r.needs(ctx, text); err != nil {
			return err
		}
	}
	if err := r.all(ctx, body); err != nil {
		return err
	}
	if len(r.looks) == 0 {
		return nil
	}
	if r.beyond && (strings.Contains(op.Path, "/contact-points") || strings.Contains(op.Path, "/addresses")) {
		return fault.NotFound()
	}
	if err := r.rewrite(op, body, kept); err != nil {
		return err
	}
	return r.note(ctx, op)
}

type looked struct{ reaches bool }

// refreshing is one kept answer that is looked through.
type refreshing struct {
	i       Idempotency
	c       echo.Context
	looks   map[uuid.UUID]looked
	beyond  bool // somebody in it is seen and not reached
	erasure bool // the operation erases somebody, and tells nothing of them
	changed bool
}

func (r *refreshing) look(ctx context.Context, id uuid.UUID) error {
	if _, known := r.looks[id]; known {
		return nil
	}
	reaches, err := r.i.Subjects.Present(ctx, id)
	if pg.IsNoRows(err) {
		err = fault.NotFound()
	}
	// Of what was told about somebody who was erased, only that they were is told again.
	if f, ok := fault.As(err); ok && f.Code == "contact-erased" && r.erasure {
		return nil
	}
	if err != nil {
		return err
	}
	r.looks[id] = looked{reaches}
	r.beyond = r.beyond || !reaches
	return nil
}

// needs looks at a contact by its id, if the text is one.
func (r *refreshing) needs(ctx context.Context, text string) error {
	id, err := uuid.Parse(text)
	if err != nil {
		return nil //nolint:nilerr // names no contact
	}
	return r.look(ctx, id)
}

// all looks at everybody in a document. In a batch each item stands or falls by
// itself.
func (r *refreshing) all(ctx context.Context, v any) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := r.all(ctx, item); err != nil {
				return err
			}
		}
	case map[string]any:
		if isItem(v) {
			return r.item(ctx, v)
		}
		if v["object"] == "contact" {
			if err := r.needs(ctx, fmt.Sprint(v["id"])); err != nil {
				return err
			}
		}
		for name, value := range v {
			var err error
			if text, is := value.(string); is {
				if name == "contact_id" || strings.HasSuffix(name, "_contact_id") {
					err = r.needs(ctx, text)
				}
			} else {
				err = r.all(ctx, value)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// isItem reports whether this is what came of one item of a batch.
func isItem(v map[string]any) bool {
	_, indexed := v["index"]
	_, judged := v["problem"]
	_, stated := v["status"]
	return indexed && judged && stated
}

// item puts what reading its record would answer today in the place of an item.
func (r *refreshing) item(ctx context.Context, v map[string]any) error {
	err := r.all(ctx, v["resource"])
	if err == nil && v["resource"] == nil {
		if id, is := v["id"].(string); is && v["result"] != nil {
			err = r.needs(ctx, id)
		}
	}
	var f *fault.Error
	if !errors.As(err, &f) {
		return err
	}
	for _, name := range []string{"result", "id", "etag", "resource"} {
		if _, has := v[name]; has {
			v[name] = nil
		}
	}
	raw, err := json.Marshal(Problem(ctx, f))
	if err != nil {
		return err
	}
	v["status"], v["problem"], r.changed = Status(f), json.RawMessage(raw), true
	return nil
}

// rewrite writes the answer anew where it is another one by now.
func (r *refreshing) rewrite(op api.OperationSpec, body any, kept *keptAnswer) error {
	if r.changed {
		out, err := marshal(body)
		if err != nil {
			return err
		}
		kept.body = bytes.TrimSpace(out)
	}
	if !r.beyond || body == nil || r.i.Classes == nil {
		return nil
	}
	others := slices.DeleteFunc(slices.Clone(r.i.Classes.All()), func(class string) bool { return class == contactPoints })
	out, gone, err := r.i.Classes.MaskAnswer(Actor{Readable: others}, op.ID, fmt.Sprint(kept.status), kept.body)
	if err != nil {
		return err
	}
	NoteMasked(r.c.Request().Context(), gone...)
	kept.body = bytes.TrimSpace(out)
	return nil
}

// note logs a repeated answer as the read that it is.
func (r *refreshing) note(ctx context.Context, op api.OperationSpec) error {
	ids := make([]uuid.UUID, 0, len(r.looks))
	for id := range r.looks {
		ids = append(ids, id)
	}
	if op.Purpose == "identifiable" { // logged with the answer
		NoteSubjects(ctx, ids...)
		return nil
	}
	if r.i.Reads == nil {
		return nil
	}
	actor, err := ActorFrom(ctx)
	if err != nil {
		return err
	}
	if _, err := r.i.Reads.Record(ctx, actor, op.ID, ids); err != nil {
		return refuse(r.c.Response(), err)
	}
	return nil
}

// contactOf is the contact that a Location names, or that its part is of.
func contactOf(location string) string {
	rest, is := strings.CutPrefix(location, "/v1/contacts/")
	if !is {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
