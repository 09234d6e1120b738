package preferences

import (
	"strings"
	"unicode"

	"github.com/parvis-crm/parvis/internal/mail"
)

// texts are the sentences that people read, in the languages we speak ourselves.
type texts struct {
	lang                                                         string
	title, intro, save, stop, saved, changed, nothing            string
	goneTitle, goneText, endedTitle, endedText, requestedTitle   string
	requested, subject, greeting, until, ignore, sentence, group string
	channels                                                     map[string]string
}

func textsFor(lang string) texts {
	if lang == "en" {
		return texts{
			lang: "en", title: "Your choices", intro: "%TENANT% – what %ADDRESS% may be used for. Tick what you want, leave empty what you do not want.",
			save: "Save my choices", stop: "Stop everything", saved: "Your choices are recorded and count from now on.",
			changed:   "The texts have changed since you opened this page. Read them again, then choose.",
			nothing:   "There is nothing to choose at the moment.",
			goneTitle: "This link can no longer be used", goneText: "It does not exist or it has expired. Ask for a new one, or use the link of a more recent message.",
			endedTitle: "Unsubscribed", endedText: "It is recorded: you will not get these messages any more. You may close this page.",
			requestedTitle: "Received", requested: "If this address is known here, a link has just been sent to it.",
			subject:  "Your choices – %TENANT%",
			greeting: "Hello,\n\nYou have asked for the link to your choices at %TENANT%: what your address may be used for.",
			until:    "The link is good for two days. Whoever has it can change your choices: do not pass it on.",
			ignore:   "If you did not ask for it, do nothing: nothing has changed.",
			sentence: "I agree that %TENANT% uses this %CHANNEL% for: %PURPOSE%.", group: "For %NAME%:",
			channels: map[string]string{"email": "e-mail address", "sms": "number, by text message,", "phone": "number, by telephone,"},
		}
	}
	return texts{
		lang: "fr", title: "Vos choix", intro: "%TENANT% – ce à quoi peut servir %ADDRESS%. Cochez ce que vous voulez, laissez vide ce que vous ne voulez pas.",
		save: "Enregistrer mes choix", stop: "Tout arrêter", saved: "Vos choix sont enregistrés et comptent dès maintenant.",
		changed:   "Les textes ont changé depuis que vous avez ouvert cette page. Relisez-les, puis choisissez.",
		nothing:   "Il n'y a rien à choisir pour le moment.",
		goneTitle: "Ce lien ne peut plus servir", goneText: "Il n'existe pas ou il a expiré. Demandez-en un nouveau, ou employez celui d'un message plus récent.",
		endedTitle: "Désinscription faite", endedText: "C'est enregistré : vous ne recevrez plus ces messages. Vous pouvez fermer cette page.",
		requestedTitle: "Bien reçu", requested: "Si cette adresse est connue ici, un lien vient d'y être envoyé.",
		subject:  "Vos choix – %TENANT%",
		greeting: "Bonjour,\n\nVous avez demandé le lien vers vos choix auprès de %TENANT% : ce à quoi peut servir votre adresse.",
		until:    "Le lien vaut deux jours. Qui l'a peut changer vos choix : ne le transmettez pas.",
		ignore:   "Si cette demande ne vient pas de vous, ne faites rien : rien n'a changé.",
		sentence: "J'accepte que %TENANT% utilise %CHANNEL% pour : %PURPOSE%.", group: "Pour %NAME% :",
		channels: map[string]string{"email": "cette adresse électronique", "sms": "ce numéro, par SMS,", "phone": "ce numéro, par téléphone,"},
	}
}

// wording is the sentence beside a box. What it says is what is consented to,
// so it is kept with each answer; change wordingLabel with it.
func (t texts) wording(channel, institution, purpose string) string {
	return strings.NewReplacer("%TENANT%", plain(institution), "%CHANNEL%", t.channels[channel], "%PURPOSE%", plain(purpose)).Replace(t.sentence)
}

type sentLink struct{ name, url string }

// requestedMail brings the links of an address to it. Only where several
// persons share the address does it say whose link is whose.
func requestedMail(lang, to, institution string, links []sentLink) mail.Message {
	t := textsFor(lang)
	named := strings.NewReplacer("%TENANT%", plain(institution))
	var b strings.Builder
	b.WriteString(named.Replace(t.greeting) + "\n\n")
	for _, l := range links {
		if len(links) > 1 && l.name != "" {
			b.WriteString(strings.ReplaceAll(t.group, "%NAME%", plain(l.name)) + "\n")
		}
		b.WriteString(l.url + "\n\n")
	}
	b.WriteString(t.until + "\n" + t.ignore + "\n")
	m := mail.Message{To: to, Subject: clip(named.Replace(t.subject), 200), Text: b.String(), Secret: true}
	if len(links) == 1 {
		m.Unsubscribe = links[0].url
	}
	return m
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

func clip(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return string(r[:n])
	}
	return s
}
