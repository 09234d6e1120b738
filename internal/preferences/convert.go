package preferences

import (
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/web"
)

// oneClick is what a mail program sends (RFC 8058 §3.2).
const oneClick = "List-Unsubscribe"

// maxParts bounds the parts of a multipart body, which is small anyway.
const maxParts = 1000

type wantedChange struct {
	Change
	oneClick bool
}

// changeFrom reads a change in any of its three forms.
func changeFrom(ctx context.Context, r api.ChangePreferencesRequestObject) (wantedChange, error) {
	if b := r.JSONBody; b != nil {
		out := wantedChange{Change: Change{}}
		if b.Shown != nil {
			out.Shown = *b.Shown
		}
		for _, c := range b.Choices {
			out.Choices = append(out.Choices, Choice{Purpose: c.Purpose, Channel: string(c.Channel), Given: string(c.Choice) == "given"})
		}
		return out, nil
	}
	fields := web.VisitorOf(ctx).Fields
	if r.MultipartBody != nil {
		var err error
		if fields, err = parts(r.MultipartBody); err != nil {
			return wantedChange{}, err
		}
	}
	if err := checkFields(fields); err != nil {
		return wantedChange{}, err
	}
	if fields.Get(oneClick) == "One-Click" {
		return wantedChange{oneClick: true}, nil
	}
	b := Boxes{Offered: fields["offered"], Ticked: fields["given"], StopAll: fields.Get("stop") == "all"}
	if len(b.Offered) == 0 && !b.StopAll {
		return wantedChange{}, fault.New(fault.Malformed, "invalid-request").At("#", "required")
	}
	return wantedChange{Change: Change{Boxes: &b, Shown: fields.Get("shown")}}, nil
}

// parts reads the fields of a multipart body; files are no fields of ours.
func parts(r *multipart.Reader) (url.Values, error) {
	out := url.Values{}
	for range maxParts {
		part, err := r.NextPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, web.UnreadableBody(err, "multipart/form-data")
		}
		text, err := io.ReadAll(part)
		if err != nil {
			return nil, web.UnreadableBody(err, "multipart/form-data")
		}
		out.Add(part.FormName(), string(text))
	}
	return nil, web.UnreadableBody(multipart.ErrMessageTooLarge, "multipart/form-data")
}

func checkFields(fields url.Values) error {
	for name, values := range fields {
		for _, text := range append([]string{name}, values...) {
			if code := web.CheckText(text); code != "" {
				return fault.New(fault.Malformed, "invalid-request").At("#", code)
			}
		}
	}
	return nil
}

func requestFrom(ctx context.Context, r api.RequestPreferencesRequestObject) (email, lang string, err error) {
	if b := r.JSONBody; b != nil {
		if b.Language != nil {
			lang = *b.Language
		}
		return string(b.Email), lang, nil
	}
	fields := web.VisitorOf(ctx).Fields
	if err := checkFields(fields); err != nil {
		return "", "", err
	}
	return fields.Get("email"), fields.Get("language"), nil
}

func linkToAPI(l Link) api.PreferenceLink {
	return api.PreferenceLink{
		ID: l.ID, Object: api.PreferenceLinkObjectPreferenceLink, ContactID: l.ContactID, ContactPointID: l.Point, Purpose: web.Nullable(l.Purpose),
		URL: l.URL, Headers: mail.UnsubscribeHeaders(l.URL), CreatedAt: l.CreatedAt, ExpiresAt: l.ExpiresAt,
	}
}

func viewToAPI(v View) api.Preferences {
	return api.Preferences{
		Object: api.PreferencesObjectPreferences, Institution: v.Institution, Language: v.Language, Address: v.Address, Kind: v.Kind, Shown: v.Shown,
		ExpiresAt: v.ExpiresAt, Preferences: web.Map(v.Items, itemToAPI),
	}
}

func itemToAPI(i Item) api.Preference {
	return api.Preference{
		Purpose: i.Purpose, Channel: i.Channel, Name: i.Name, Description: web.Nullable(i.Description), LegalBasis: i.LegalBasis, Wording: i.Wording,
		Active: i.Active, State: i.State, Since: web.Nullable(i.Since),
	}
}

// html is a page for a person, in place of any answer.
type html struct {
	status int
	body   []byte
}

func newHTML(status int, p page) (html, error) {
	body, err := p.render()
	return html{status, body}, err
}

// VisitGetPreferencesResponse implements the generated interface.
func (a html) VisitGetPreferencesResponse(w http.ResponseWriter) error {
	return web.WriteHTML(w, a.status, a.body)
}

// VisitChangePreferencesResponse implements the generated interface.
func (a html) VisitChangePreferencesResponse(w http.ResponseWriter) error {
	return web.WriteHTML(w, a.status, a.body)
}

// VisitRequestPreferencesResponse implements the generated interface.
func (a html) VisitRequestPreferencesResponse(w http.ResponseWriter) error {
	return web.WriteHTML(w, a.status, a.body)
}
