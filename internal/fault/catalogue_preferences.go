package fault

// preferenceTexts are the sentences of the links to a person's preferences.
var preferenceTexts = Texts{
	"preference-link-unknown": {
		FR: Text{"Lien sans effet", "Ce lien vers des préférences n'existe pas ou a expiré.", "Demandez un nouveau lien, ou employez celui d'un message plus récent."},
		EN: Text{"Link of no use", "This link to preferences does not exist or has expired.", "Ask for a new link, or use the one of a more recent message."},
	},
	"preferences-changed": {
		FR: Text{"Textes changés", "Les textes ne sont plus ceux qui ont été lus : rien n'a été enregistré.", "Lisez de nouveau les préférences, puis renvoyez leur « shown »."},
		EN: Text{"Texts have changed", "The texts are no longer those that were read: nothing was recorded.", "Read the preferences again, then send back their “shown”."},
	},
	"no-such-preference":     {FR: Text{"Choix inconnu", "Ce lien ne propose pas cette finalité par ce canal.", ""}, EN: Text{"No such preference", "This link does not offer this purpose by this channel.", ""}},
	"purpose-without-choice": {FR: Text{"Finalité sans choix", "Cette finalité ne repose ni sur un consentement ni sur un intérêt auquel on peut s'opposer : il n'y a pas à s'en désinscrire.", ""}, EN: Text{"Purpose without a choice", "This purpose rests neither on consent nor on an interest one may object to: there is nothing to unsubscribe from.", ""}},
}
