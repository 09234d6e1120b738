package fault

// consentTexts are the sentences of the consent ledger.
var consentTexts = Texts{
	"not-a-consent": {
		FR: Text{"Ce n'est pas un consentement", "Une case cochée d'avance ou l'acceptation de conditions ne valent pas consentement ; rien n'a été enregistré.", "Recueillez un acte positif : case à cocher, confirmation, signature."},
		EN: Text{"Not a consent", "A pre-ticked box or accepted terms are no consent; nothing was recorded.", "Ask for a clear affirmative act: an unticked box, a confirmation, a signature."},
	},
	"in-the-future":      {FR: Text{"Date à venir", "La réponse ne peut être datée de l'avenir.", "Vérifiez l'horloge et le fuseau de la source."}, EN: Text{"In the future", "An answer cannot be dated in the future.", "Check the clock and the time zone of the source."}},
	"one-wording":        {FR: Text{"Deux textes", "Donnez le texte ou son identifiant, pas les deux.", ""}, EN: Text{"Two wordings", "Give the text or its identifier, not both.", ""}},
	"nothing-to-expire":  {FR: Text{"Rien à faire expirer", "Seul un consentement peut avoir une échéance.", ""}, EN: Text{"Nothing to expire", "Only a consent can have an end.", ""}},
	"ends-before-start":  {FR: Text{"Fin avant le début", "La fin précède le début.", ""}, EN: Text{"Ends before it starts", "The end comes before the start.", ""}},
	"wrong-channel":      {FR: Text{"Coordonnée d'un autre canal", "Cette coordonnée ne correspond pas au canal : une adresse électronique pour « email », un numéro pour « sms » et « phone », une adresse postale pour « post ».", ""}, EN: Text{"Contact point of another channel", "This contact point does not fit the channel: an e-mail address for “email”, a number for “sms” and “phone”, a postal address for “post”.", ""}},
	"address-of-consent": {FR: Text{"Coordonnée attendue", "Un consentement vaut pour une adresse ou un numéro précis : indiquez-le.", ""}, EN: Text{"Contact point needed", "A consent holds for one address or number: name it.", ""}},
	"unknown-purpose":    {FR: Text{"Finalité inconnue", "Cette finalité ne figure pas au registre.", "Enregistrez-la d'abord par POST /v1/purposes."}, EN: Text{"Unknown purpose", "This purpose is not in the register.", "Register it first with POST /v1/purposes."}},
	"purpose-archived":   {FR: Text{"Finalité archivée", "Cette finalité est archivée et n'accepte plus de consentement.", ""}, EN: Text{"Archived purpose", "This purpose is archived and takes no more consents.", ""}},
	"unknown-language":   {FR: Text{"Langue inconnue", "Une étiquette de langue BCP 47 est attendue, par exemple « fr ».", ""}, EN: Text{"Unknown language", "A BCP 47 language tag is expected, such as “fr”.", ""}},
}
