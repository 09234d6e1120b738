package docs

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/language"
)

//go:embed pages/*.html
var templates embed.FS

// pages renders the few pages that are ours; the two applications fill theirs.
type pages struct {
	spec      Spec
	assets    string // base address of the embedded files
	templates *template.Template
	languages language.Matcher
}

func newPages(spec Spec, assets string) *pages {
	return &pages{
		spec:   spec,
		assets: assets,
		// The templates are compiled in: parsing them fails in the first test
		// or never.
		templates: template.Must(template.ParseFS(templates, "pages/*.html")),
		// The first is for who asks for neither, as in the answers of the API.
		languages: language.NewMatcher([]language.Tag{language.French, language.English}),
	}
}

// page is what a template sees.
type page struct {
	Lang    string
	Text    texts
	Version string
	Assets  string
	Current string // which entry of the header is this page
	Problem *problem
}

type problem struct {
	Code, Title, Cause, Fix string
}

func (p *pages) reference(c echo.Context) error {
	return p.render(c, http.StatusOK, "reference.html", page{Current: "reference"})
}

func (p *pages) explorer(c echo.Context) error {
	return p.render(c, http.StatusOK, "explorer.html", page{Current: "explorer"})
}

// problem explains a problem code. An unknown one is a page too: people come
// here from an error message and need a way on.
func (p *pages) problem(c echo.Context) error {
	code := c.Param("code")
	if p.spec.Problems != nil {
		if title, cause, fix, ok := p.spec.Problems.Describe(code, p.language(c)); ok {
			return p.render(c, http.StatusOK, "problem.html", page{Problem: &problem{Code: code, Title: title, Cause: cause, Fix: fix}})
		}
	}
	return p.render(c, http.StatusNotFound, "unknown_problem.html", page{Problem: &problem{Code: code}})
}

func (p *pages) render(c echo.Context, status int, name string, data page) error {
	data.Lang = p.language(c)
	data.Text = textsIn(data.Lang)
	data.Version = p.spec.Version
	data.Assets = p.assets

	var html bytes.Buffer
	if err := p.templates.ExecuteTemplate(&html, name, data); err != nil {
		return err
	}
	header := c.Response().Header()
	header.Add(echo.HeaderVary, "Accept-Language")
	header.Set("Content-Language", data.Lang)
	header.Set(echo.HeaderCacheControl, "no-cache")
	return c.HTMLBlob(status, html.Bytes())
}

// language is "en" for who prefers English, else "fr".
func (p *pages) language(c echo.Context) string {
	tag, _ := language.MatchStrings(p.languages, c.Request().Header.Get("Accept-Language"))
	base, _ := tag.Base()
	return base.String()
}
