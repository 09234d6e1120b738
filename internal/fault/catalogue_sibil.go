package fault

// sibilTexts are the sentences of the quarterly ticketing return.
var sibilTexts = Texts{
	"sibil-off": {
		FR: Text{"Transmission désactivée", "La transmission à SIBIL n'est pas activée pour cette institution.", "Renseignez l'adresse, l'identifiant et le mot de passe dans les réglages, puis activez-la."},
		EN: Text{"Sending is off", "Sending to SIBIL is not switched on for this institution.", "Enter address, user name and password in the settings, then switch it on."},
	},
	"sibil-beyond-source": {
		FR: Text{"Limité à une source", "La déclaration porte sur toutes les sources ; cet accès est limité à une seule.", "Utilisez un accès qui n'est pas limité à une source."},
		EN: Text{"Bound to one source", "The return is over all sources; this credential is bound to one.", "Use a credential that is not bound to a source."},
	},
	"sibil-submission-running": {
		FR: Text{"Transmission en cours", "Une transmission à SIBIL est déjà en cours.", "Attendez la fin de son opération, ou annulez-la."},
		EN: Text{"Submission under way", "A submission to SIBIL is under way already.", "Wait until its operation has ended, or cancel it."},
	},
	"sibil-nothing-to-declare": {
		FR: Text{"Rien à déclarer", "Aucune représentation à déclarer n'a eu lieu pendant ce trimestre.", "Vérifiez le trimestre, et les dates et états des représentations."},
		EN: Text{"Nothing to declare", "No performance to be declared took place in this quarter.", "Check the quarter, and the dates and states of the performances."},
	},
	"sibil-blocked": {
		FR: Text{"Anomalies bloquantes", "{blocked} des {declarations} déclarations demandées ont des anomalies bloquantes.", "Corrigez-les dans la billetterie ou les réglages ; la liste des déclarations du trimestre dit lesquelles."},
		EN: Text{"Blocking anomalies", "{blocked} of the {declarations} declarations asked for have anomalies that block.", "Put them right in ticketing or in the settings; the list of the quarter's declarations says which."},
	},
	"sibil-not-begun": {
		FR: Text{"Représentation à venir", "{ahead} des représentations demandées n'ont pas encore commencé.", "Attendez qu'elles aient eu lieu, ou nommez celles qui ont eu lieu dans performance_ids."},
		EN: Text{"Performance still to come", "{ahead} of the performances asked for have not begun.", "Wait until they have taken place, or name those that have in performance_ids."},
	},
	"sibil-moved": {
		FR: Text{"Adresse modifiée", "L'adresse de SIBIL a été modifiée depuis le début de cette transmission.", "Transmettez de nouveau."},
		EN: Text{"Address changed", "The address of SIBIL was changed since this submission began.", "Submit again."},
	},
	"sibil-credentials-refused": {
		FR: Text{"Identifiants refusés", "SIBIL refuse l'identifiant ou le mot de passe.", "Corrigez-les dans les réglages, puis transmettez de nouveau."},
		EN: Text{"Credentials refused", "SIBIL refuses the user name or the password.", "Correct them in the settings, then submit again."},
	},
	"sibil-unreachable": {
		FR: Text{"SIBIL ne répond pas", "SIBIL n'a pas répondu, ou seulement par des erreurs, malgré plusieurs essais.", "Transmettez de nouveau plus tard : rien ne sera déclaré deux fois."},
		EN: Text{"SIBIL does not answer", "SIBIL did not answer, or only with errors, however often it was tried.", "Submit again later: nothing will be declared twice."},
	},
	"sibil-unexpected": {
		FR: Text{"Réponse inattendue", "SIBIL a répondu autrement que ne le décrit sa documentation.", "Vérifiez l'adresse dans les réglages ; si elle est juste, prévenez les mainteneurs."},
		EN: Text{"Unexpected answer", "SIBIL answered otherwise than it is documented.", "Check the address in the settings; if it is right, tell the maintainers."},
	},
}
