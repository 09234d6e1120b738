package forms

import (
	"bytes"
	"html/template"
	"strings"
	"unicode"

	"github.com/parvis-crm/parvis/internal/mail"
)

// pageTexts are the sentences of the pages and mails that people see, in the
// languages we speak ourselves.
type pageTexts struct {
	lang                                               string
	confirmTitle, confirmText, confirmButton           string
	doneTitle, doneText, goneTitle, goneText, received string
	receivedTitle, subject, greeting, ignore, until    string
}

func textsFor(lang string) pageTexts {
	if base(lang) == "fr" {
		return pageTexts{
			lang: "fr", confirmTitle: "Confirmer votre demande", confirmText: "Appuyez sur le bouton pour confirmer votre adresse et votre demande.",
			confirmButton: "Je confirme", doneTitle: "C'est confirmé", doneText: "Merci, votre demande est enregistrée. Vous pouvez fermer cette page.",
			goneTitle: "Ce lien ne peut plus servir", goneText: "Il a déjà été employé ou il a expiré. S'il le faut, remplissez de nouveau le formulaire.",
			receivedTitle: "Bien reçu", received: "Merci, nous avons bien reçu votre envoi. S'il demande une confirmation, un message vous a été adressé.",
			subject: "Confirmez votre demande", greeting: "Bonjour,\n\nVous venez de remplir le formulaire « %FORM% » de %TENANT%.\nPour confirmer, ouvrez cette page et appuyez sur le bouton :",
			until: "Le lien sert une seule fois, pendant 48 heures.", ignore: "Si cette demande ne vient pas de vous, ne faites rien : rien ne sera enregistré.",
		}
	}
	return pageTexts{
		lang: "en", confirmTitle: "Confirm your request", confirmText: "Press the button to confirm your address and your request.",
		confirmButton: "I confirm", doneTitle: "Confirmed", doneText: "Thank you, your request is recorded. You may close this page.",
		goneTitle: "This link can no longer be used", goneText: "It has already been used or it has expired. If need be, fill in the form again.",
		receivedTitle: "Received", received: "Thank you, we have received what you sent. If it needs a confirmation, a message is on its way to you.",
		subject: "Confirm your request", greeting: "Hello,\n\nYou have just filled in the form “%FORM%” of %TENANT%.\nTo confirm, open this page and press the button:",
		until: "The link works once, within 48 hours.", ignore: "If this request is not yours, do nothing: nothing will be recorded.",
	}
}

type page struct {
	Lang, Title, Text, Button string
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
<p>{{.Text}}</p>
{{- if .Button}}
<form method="post"><button type="submit">{{.Button}}</button></form>
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

func confirmPage(lang string) page {
	t := textsFor(lang)
	return page{t.lang, t.confirmTitle, t.confirmText, t.confirmButton}
}

func donePage(lang string) page {
	t := textsFor(lang)
	return page{t.lang, t.doneTitle, t.doneText, ""}
}

func gonePage(lang string) page {
	t := textsFor(lang)
	return page{t.lang, t.goneTitle, t.goneText, ""}
}

func receivedPage(lang, message string) page {
	t := textsFor(lang)
	return page{t.lang, t.receivedTitle, message, ""}
}

// confirmationMail asks the address's owner. It repeats nothing that the
// visitor typed, so that the form cannot be used to send people words.
func confirmationMail(a admitted, tenant, link string) mail.Message {
	t := textsFor(a.language)
	title := a.definition.Title.in(a.language, a.definition.DefaultLanguage)
	text := replace(t.greeting, title, tenant) + "\n\n" + link + "\n\n" + t.until + "\n" + t.ignore + "\n"
	return mail.Message{To: a.email, Subject: clipRunes(plain(t.subject+" – "+title), 200), Text: text, Secret: true}
}

func replace(sentence, form, tenant string) string {
	return strings.NewReplacer("%FORM%", plain(form), "%TENANT%", plain(tenant)).Replace(sentence)
}

// plain puts a text on one line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}

func clipRunes(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
