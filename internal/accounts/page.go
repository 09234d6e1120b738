package accounts

import (
	"bytes"
	"html/template"
	"strings"
)

// page is what a person sees who follows a link with a browser.
type page struct {
	Lang, Title, Text, Problem, Label, Save string
	Form                                    bool
}

const pageSource = `<!doctype html>
<html lang="{{.Lang}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{{.Title}}</title>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
{{- if .Problem}}
<p role="alert"><strong>{{.Problem}}</strong></p>
{{- end}}
<p>{{.Text}}</p>
{{- if .Form}}
<form method="post">
<p><label>{{.Label}}<br><input type="password" name="password" autocomplete="new-password" minlength="15" maxlength="256" required></label></p>
<p><button type="submit">{{.Save}}</button></p>
</form>
{{- end}}
</main>
</body>
</html>
`

func (p page) render() ([]byte, error) {
	t, err := template.New("page").Parse(pageSource)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, p)
	return b.Bytes(), err
}

func formPage(v View, problem string) page {
	t := textsFor(v.Language)
	return page{
		Lang: t.lang, Title: t.title, Text: strings.NewReplacer("%TENANT%", v.Institution, "%ADDRESS%", v.Email).Replace(t.intro),
		Problem: problem, Label: t.label, Save: t.save, Form: true,
	}
}

func donePage(v View) page {
	t := textsFor(v.Language)
	return page{Lang: t.lang, Title: t.doneTitle, Text: t.doneText}
}

func gonePage(lang string) page {
	t := textsFor(lang)
	return page{Lang: t.lang, Title: t.goneTitle, Text: t.goneText}
}

// problemOf is what is wrong with a password, for a person.
func problemOf(code, lang string) string {
	t := textsFor(lang)
	switch code {
	case "password-short":
		return t.short
	case "password-breached":
		return t.leak
	}
	return t.common
}
