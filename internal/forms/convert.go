package forms

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
	"github.com/parvis-crm/parvis/internal/web"
)

// recast carries a value between two types of the same JSON form.
func recast[T any](from any) (T, error) {
	var out T
	raw, err := json.Marshal(from)
	if err != nil {
		return out, err
	}
	return out, json.Unmarshal(raw, &out)
}

// exact decodes JSON with its numbers as they were written.
func exact(raw []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(into)
}

func definition(in api.FormDefinition) (Definition, error) { return recast[Definition](in) }

func toAPI(f Form) api.Form {
	out := api.Form{
		ID: f.ID, Object: api.FormObjectForm, Slug: f.Slug, Name: f.Name, Status: f.Status, PublishedVersion: web.Nullable(f.PublishedVersion),
		CreatedAt: f.CreatedAt, UpdatedAt: f.UpdatedAt, Version: f.Version,
	}
	_ = json.Unmarshal(f.Definition, &out.Definition) // written by us in this form
	return out
}

func versionToAPI(v Version) api.FormVersion {
	out := api.FormVersion{Object: api.FormVersionObjectFormVersion, FormID: v.FormID, Number: v.Number, PublishedAt: v.PublishedAt}
	_ = json.Unmarshal(v.Definition, &out.Definition) // written by us in this form
	return out
}

func submissionToAPI(s Submission) api.FormSubmission {
	out := api.FormSubmission{
		ID: s.ID, Object: api.FormSubmissionObjectFormSubmission, FormID: s.FormID, FormVersion: s.FormVersion, Status: s.Status, Data: map[string]any{},
		Language: s.Language, Origin: s.Origin, ContactID: web.Nullable(s.ContactID), Reason: web.Nullable(s.Reason),
		ReceivedAt: s.ReceivedAt, ConfirmedAt: web.Nullable(s.ConfirmedAt), CreatedAt: s.ReceivedAt, UpdatedAt: s.UpdatedAt, Version: s.Version,
	}
	_ = exact(s.Data, &out.Data) // an object, says the table
	return out
}

func shownToAPI(s Shown, minimumFill time.Duration) (api.PublicForm, error) {
	d := s.Definition
	out := api.PublicForm{
		ID: s.Form, Object: api.PublicFormObjectPublicForm, Version: s.Version, Language: s.Language, Languages: d.languages(),
		Title: d.Title.in(s.Language, d.DefaultLanguage), Intro: maybe(d.Intro.in(s.Language, d.DefaultLanguage)),
		Submit: firstOf(d.Submit.in(s.Language, d.DefaultLanguage), map[bool]string{true: "Envoyer", false: "Send"}[base(s.Language) == "fr"]),
		Fields: []api.PublicFormField{}, Honeypot: s.Honeypot, IssueToken: s.IssueToken, MinimumFillSeconds: int32(minimumFill.Seconds() + 0.999),
	}
	for _, f := range d.Fields {
		p := d.Schema.Properties[f.Name]
		out.Fields = append(out.Fields, api.PublicFormField{
			Name: f.Name, Label: firstOf(s.Wordings[f.Name], f.Label.in(s.Language, d.DefaultLanguage)), Help: maybe(f.Help.in(s.Language, d.DefaultLanguage)),
			Autocomplete: web.Nullable(f.Autocomplete), Type: p.Type, Format: web.Nullable(p.Format), Required: slices.Contains(d.Schema.Required, f.Name),
			Options: web.Map(p.Enum, func(s string) string { return s }), MinLength: web.Nullable(p.MinLength), MaxLength: web.Nullable(p.MaxLength), Pattern: web.Nullable(p.Pattern),
		})
	}
	var err error
	out.Schema, err = recast[api.FormSchema](d.Schema)
	return out, err
}

func challengeToAPI(c proofofwork.Challenge) (api.FormChallenge, error) {
	return recast[api.FormChallenge](c)
}

// sent reads a submission in either of its two forms.
func (h *Handlers) sent(ctx context.Context, r api.SubmitFormRequestObject) (Sent, error) {
	if b := r.JSONBody; b != nil {
		data := map[string]any{}
		for name, raw := range b.Data {
			var value any
			if err := exact(raw, &value); err != nil {
				return Sent{}, err
			}
			data[name] = value
		}
		return Sent{Data: data, IssueToken: b.IssueToken, Work: b.Work, Language: deref(b.Language)}, nil
	}
	fields := visitor(ctx).Fields
	if fields == nil {
		return Sent{}, fault.New(fault.Malformed, "body-required").At("#", "required")
	}
	for name, values := range fields {
		for _, text := range append([]string{name}, values...) {
			if err := web.CheckText(text); err != "" {
				return Sent{}, fault.New(fault.Malformed, "invalid-request").At("#/data", err)
			}
		}
	}
	p, err := h.service.resolve(ctx, r.FormID)
	if err != nil {
		return Sent{}, err
	}
	d, err := h.service.definition(ctx, p, r.FormID, p.version)
	if err != nil {
		return Sent{}, err
	}
	return Sent{
		Data: d.Schema.FromFields(fields), IssueToken: fields.Get("issue_token"), Work: fields.Get("work"), Language: clip(fields.Get("language"), 35), Scriptless: true,
	}, nil
}

// html is a page for a person, which may be shown anywhere the contract says
// text/html.
type html struct {
	status int
	body   []byte
}

func newHTML(status int, p page) (html, error) {
	body, err := p.render()
	return html{status, body}, err
}

func (a html) write(w http.ResponseWriter) error { return web.WriteHTML(w, a.status, a.body) }

// VisitSubmitFormResponse implements the generated interface.
func (a html) VisitSubmitFormResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetConfirmationResponse implements the generated interface.
func (a html) VisitGetConfirmationResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitConfirmSubmissionResponse implements the generated interface.
func (a html) VisitConfirmSubmissionResponse(w http.ResponseWriter) error { return a.write(w) }

func maybe(text string) nullable.Nullable[string] {
	if text == "" {
		return nullable.NewNullNullable[string]()
	}
	return nullable.NewNullableWithValue(text)
}

func firstOf(texts ...string) string {
	for _, t := range texts {
		if t != "" {
			return t
		}
	}
	return ""
}

func texts[T ~string](in []T) []string { return web.Map(in, func(s T) string { return string(s) }) }

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
