package preferences

import (
	"bytes"
	"html/template"
	"strings"
)

// page is what a person sees who follows a link with a browser.
type page struct {
	Lang, Title, Notice, Text string
	Shown, Save, Stop         string
	Items                     []pageItem
}

type pageItem struct {
	Key, Wording, Description string
	Active                    bool
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
{{- if .Notice}}
<p role="status"><strong>{{.Notice}}</strong></p>
{{- end}}
<p>{{.Text}}</p>
{{- if .Items}}
<form method="post">
<input type="hidden" name="shown" value="{{.Shown}}">
{{- range .Items}}
<p><input type="hidden" name="offered" value="{{.Key}}"><label><input type="checkbox" name="given" value="{{.Key}}"{{if .Active}} checked{{end}}> {{.Wording}}</label>{{if .Description}}<br><small>{{.Description}}</small>{{end}}</p>
{{- end}}
<p><button type="submit">{{.Save}}</button> <button type="submit" name="stop" value="all">{{.Stop}}</button></p>
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

func choicesPage(v View, notice string) page {
	t := textsFor(v.Language)
	p := page{
		Lang: t.lang, Title: t.title, Notice: notice, Shown: v.Shown, Save: t.save, Stop: t.stop,
		Text: strings.NewReplacer("%TENANT%", v.Institution, "%ADDRESS%", v.Address).Replace(t.intro),
	}
	for _, i := range v.Items {
		item := pageItem{Key: i.key(), Wording: i.Wording, Active: i.Active}
		if i.Description != nil {
			item.Description = *i.Description
		}
		p.Items = append(p.Items, item)
	}
	if len(p.Items) == 0 {
		p.Text = t.nothing
	}
	return p
}

func gonePage(lang string) page {
	t := textsFor(lang)
	return page{Lang: t.lang, Title: t.goneTitle, Text: t.goneText}
}

func endedPage(lang string) page {
	t := textsFor(lang)
	return page{Lang: t.lang, Title: t.endedTitle, Text: t.endedText}
}

func requestedPage(lang, message string) page {
	t := textsFor(lang)
	return page{Lang: t.lang, Title: t.requestedTitle, Text: message}
}
