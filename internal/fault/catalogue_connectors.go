package fault

// connectorTexts are the sentences of connectors to ticketing systems.
var connectorTexts = Texts{
	"hook-forged": {
		FR: Text{"Appel non reconnu", "L'appel ne vient pas du système de billetterie de cette source.", "Vérifiez l'identifiant, le mot de passe ou la clé de signature saisis chez l'éditeur et dans la connexion."},
		EN: Text{"Call not recognised", "The call does not come from the ticketing system of this source.", "Check the user name, password or signature key entered at the vendor and in the connection."},
	},
	"dead-letter-settled": {
		FR: Text{"Déjà réglé", "Cet enregistrement n'attend plus rien ; son état est « {status} ».", "Ne traitez que ce qui est ouvert."},
		EN: Text{"Settled already", "This record waits for nothing any more; its state is “{status}”.", "Deal only with what is open."},
	},
	"ticketing-source-not-connected": {
		FR: Text{"Source sans connexion", "La source « {code} » n'est reliée à aucun système de billetterie.", "Créez d'abord sa connexion."},
		EN: Text{"Source not connected", "The source “{code}” is not connected to a ticketing system.", "Make its connection first."},
	},
	"never-described": {
		FR: Text{"Jamais décrit", "Un enregistrement de l'éditeur y renvoie, mais il n'a pas été décrit en sept jours.", "Vérifiez qu'il existe encore chez l'éditeur, puis réessayez ou écartez-le."},
		EN: Text{"Never described", "A record of the vendor refers to it, but nobody described it within seven days.", "Check that it still exists at the vendor, then retry or dismiss it."},
	},
}
