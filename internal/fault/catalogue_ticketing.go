package fault

// ticketingTexts are the sentences of ticketing.
var ticketingTexts = Texts{
	"ticketing-source-code-taken": {
		FR: Text{"Code déjà pris", "Une source porte déjà le code « {code} ».", "Choisissez un autre code, ou modifiez la source existante."},
		EN: Text{"Code already taken", "A source already has the code “{code}”.", "Choose another code, or change the existing source."},
	},
	"ticketing-source-in-use": {
		FR: Text{"Source déjà utilisée", "Des données de la source « {code} » ont été reçues ; elle ne peut plus être supprimée.", "Mettez la source en pause."},
		EN: Text{"Source in use", "Data of the source “{code}” was received; it can no longer be removed.", "Pause the source."},
	},
	"ticketing-source-paused": {
		FR: Text{"Source en pause", "La source « {code} » est en pause ; rien n'a été reçu.", "Réactivez la source, puis renvoyez les données."},
		EN: Text{"Source paused", "The source “{code}” is paused; nothing was received.", "Activate the source, then send the data again."},
	},
}
