package forms

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/text/language"

	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
)

// Shown is a form in one language, with what has to come back.
type Shown struct {
	Form       uuid.UUID
	Version    int64
	Language   string
	Definition Definition
	Honeypot   string
	IssueToken string
	// Wordings are the texts beside the boxes of consent, by field.
	Wordings map[string]string
}

// Show hands a published form to a visitor.
func (s *Service) Show(ctx context.Context, id uuid.UUID, lang string) (Shown, error) {
	p, err := s.resolve(ctx, id)
	if err != nil {
		return Shown{}, err
	}
	d, err := s.definition(ctx, p, id, p.version)
	if err != nil {
		return Shown{}, err
	}
	out := Shown{
		Form: id, Version: p.version, Language: d.language(lang, visitor(ctx).AcceptLanguage), Definition: d,
		Honeypot: s.honeypot(id), IssueToken: s.issueToken(id, p.version, s.clock.Now()), Wordings: map[string]string{},
	}
	for _, c := range d.Consents {
		texts, err := s.q.WordingsOf(ctx, s.db.Tenant(p.tenant), p.tenant, c.WordingIDs)
		if err != nil {
			return Shown{}, err
		}
		if w, ok := c.wording(texts, out.Language, d.DefaultLanguage); ok {
			// Several consents may hang on one box: the person reads them all.
			out.Wordings[c.Field] = strings.TrimSpace(out.Wordings[c.Field] + "\n" + w.Text)
		}
	}
	return out, nil
}

func (s *Service) definition(ctx context.Context, p published, form uuid.UUID, version int64) (Definition, error) {
	v, err := s.q.GetFormVersion(ctx, s.db.Tenant(p.tenant), p.tenant, form, version)
	if err != nil {
		return Definition{}, err
	}
	var d Definition
	return d, json.Unmarshal(v.Definition, &d)
}

// Challenge gives a proof of work for one submission of a form.
func (s *Service) Challenge(ctx context.Context, id uuid.UUID) (proofofwork.Challenge, error) {
	if _, err := s.resolve(ctx, id); err != nil {
		return proofofwork.Challenge{}, err
	}
	return s.work.Issue(id.String(), s.clock.Now())
}

// languages of a form are those of its title, the default one first.
func (d Definition) languages() []string {
	out := []string{d.DefaultLanguage}
	for lang := range d.Title {
		if lang != d.DefaultLanguage {
			out = append(out, lang)
		}
	}
	slices.Sort(out[1:])
	return out
}

// language picks the form's language for a visitor (RFC 4647 lookup).
func (d Definition) language(wanted, accept string) string {
	known := d.languages()
	var tags []language.Tag
	for _, l := range known {
		tags = append(tags, language.Make(l))
	}
	_, i := language.MatchStrings(language.NewMatcher(tags), wanted, accept)
	return known[i]
}

// wording is the text of a consent in a language.
func (c Consent) wording(texts []formsdb.WordingsOfRow, lang, fallback string) (formsdb.WordingsOfRow, bool) {
	for _, l := range []string{lang, base(lang), fallback} {
		for _, id := range c.WordingIDs {
			if w, ok := find(texts, id); ok && (w.Language == l || base(w.Language) == l) {
				return w, true
			}
		}
	}
	if len(c.WordingIDs) == 0 {
		return formsdb.WordingsOfRow{}, false
	}
	return find(texts, c.WordingIDs[0])
}

func base(lang string) string {
	b, _, _ := strings.Cut(lang, "-")
	return b
}
