package accounts

import (
	"strings"
	"unicode"

	"github.com/parvis-crm/parvis/internal/mail"
)

// texts are the sentences that people read, in the languages we speak ourselves.
type texts struct {
	lang                                                      string
	title, intro, label, save, doneTitle, doneText            string
	goneTitle, goneText                                       string
	requested, invitedSubject, invited, resetSubject, reset   string
	until, ignore, noticeSubject, notice, short, common, leak string
}

func textsFor(lang string) texts {
	if spoken(lang) == "en" {
		return texts{
			lang: "en", title: "Your password", intro: "%TENANT% – choose the password of %ADDRESS%: at least 15 characters of any kind. A sentence of your own is good.",
			label: "New password", save: "Set the password", doneTitle: "Your password is set", doneText: "Sign in with it as usual. All former sessions have ended. You may close this page.",
			goneTitle: "This link can no longer be used", goneText: "It does not exist, it has been used or it has expired. Ask for a new one.",
			requested:      "If a user here has this address, a link has just been sent to it.",
			invitedSubject: "Your access to %TENANT%", invited: "Hello,\n\nYou have been given access to the contacts of %TENANT%. Choose your password here:",
			resetSubject: "Your password – %TENANT%", reset: "Hello,\n\nSomebody, probably you, wants to set your password at %TENANT%. This is the link:",
			until:         "The link is good for 24 hours and once. Do not pass it on: whoever has it can sign in as you.",
			ignore:        "If you did not ask for it, do nothing: nothing has changed.",
			noticeSubject: "Your password was set – %TENANT%", notice: "Hello,\n\nThe password of your account at %TENANT% has just been set, and all other sessions have ended.\n\nIf it was not you, ask for a new link and tell your administrator at once.",
			short: "The password is too short: at least 15 characters.", common: "This password is too easy to guess. Choose another one, for example a sentence of your own.",
			leak: "This password is on a list of stolen passwords. Choose another one.",
		}
	}
	return texts{
		lang: "fr", title: "Votre mot de passe", intro: "%TENANT% – choisissez le mot de passe de %ADDRESS% : au moins 15 caractères, quels qu'ils soient. Une phrase à vous convient très bien.",
		label: "Nouveau mot de passe", save: "Enregistrer le mot de passe", doneTitle: "Votre mot de passe est enregistré", doneText: "Connectez-vous comme d'habitude. Toutes les sessions ouvertes auparavant sont closes. Vous pouvez fermer cette page.",
		goneTitle: "Ce lien ne peut plus servir", goneText: "Il n'existe pas, il a déjà servi ou il a expiré. Demandez-en un nouveau.",
		requested:      "Si un utilisateur d'ici a cette adresse, un lien vient d'y être envoyé.",
		invitedSubject: "Votre accès – %TENANT%", invited: "Bonjour,\n\nUn accès aux contacts de %TENANT% vous a été ouvert. Choisissez votre mot de passe ici :",
		resetSubject: "Votre mot de passe – %TENANT%", reset: "Bonjour,\n\nQuelqu'un, sans doute vous, souhaite définir votre mot de passe auprès de %TENANT%. Voici le lien :",
		until:         "Le lien vaut 24 heures et une seule fois. Ne le transmettez pas : qui l'a peut se connecter en votre nom.",
		ignore:        "Si cette demande ne vient pas de vous, ne faites rien : rien n'a changé.",
		noticeSubject: "Votre mot de passe a été défini – %TENANT%", notice: "Bonjour,\n\nLe mot de passe de votre compte auprès de %TENANT% vient d'être défini, et toutes les autres sessions sont closes.\n\nSi ce n'est pas vous, demandez un nouveau lien et prévenez tout de suite votre administrateur.",
		short: "Le mot de passe est trop court : au moins 15 caractères.", common: "Ce mot de passe se devine trop facilement. Choisissez-en un autre, par exemple une phrase à vous.",
		leak: "Ce mot de passe figure dans une liste de mots de passe volés. Choisissez-en un autre.",
	}
}

// spoken is the language of ours that a tag asks for, empty if none.
func spoken(lang string) string {
	primary, _, _ := strings.Cut(strings.ToLower(lang), "-")
	if primary == "fr" || primary == "en" {
		return primary
	}
	return ""
}

func linkMail(lang, kind, to, institution, address string) mail.Message {
	t := textsFor(lang)
	subject, text := t.resetSubject, t.reset
	if kind == invitation {
		subject, text = t.invitedSubject, t.invited
	}
	named := strings.NewReplacer("%TENANT%", plain(institution))
	return mail.Message{
		To: to, Subject: named.Replace(subject), Text: named.Replace(text) + "\n\n" + address + "\n\n" + t.until + "\n" + t.ignore + "\n", Secret: true,
	}
}

func noticeMail(lang, to, institution string) mail.Message {
	t := textsFor(lang)
	named := strings.NewReplacer("%TENANT%", plain(institution))
	return mail.Message{To: to, Subject: named.Replace(t.noticeSubject), Text: named.Replace(t.notice) + "\n"}
}

// plain keeps a name from breaking a line or a header.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
}
