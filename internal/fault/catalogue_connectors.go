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
	"comparison-beyond-rights": {
		FR: Text{"Droits insuffisants pour tout comparer", "Une comparaison nomme les commandes de tout le monde, y compris de contacts que votre identifiant ne voit pas.", "Faites-le avec un identifiant qui voit tout, contacts à accès restreint compris, par exemple celui de l'administrateur."},
		EN: Text{"Not entitled to compare everything", "A comparison names orders of everybody, contacts that your credential does not see among them.", "Do it with a credential that sees everything, restricted contacts included, such as the administrator's."},
	},
	"ticketing-source-not-connected": {
		FR: Text{"Source sans connexion", "La source « {code} » n'est reliée à aucun système de billetterie.", "Créez d'abord sa connexion."},
		EN: Text{"Source not connected", "The source “{code}” is not connected to a ticketing system.", "Make its connection first."},
	},
	"capability-missing": {
		FR: Text{"Capacité absente", "Le connecteur « {connector} » ne sait pas faire cela : {capability}.", "Consultez la liste des connecteurs pour savoir ce que fait chacun."},
		EN: Text{"Capability missing", "The connector “{connector}” cannot do this: {capability}.", "See the list of connectors for what each can do."},
	},
	"vendor-unavailable": {
		FR: Text{"Éditeur indisponible", "Le système de billetterie n'a pas pu être lu : {reason}", "Vérifiez la connexion de la source, puis recommencez."},
		EN: Text{"Vendor unavailable", "The ticketing system could not be read: {reason}", "Check the connection of the source, then start again."},
	},
	"never-described": {
		FR: Text{"Jamais décrit", "Un enregistrement de l'éditeur y renvoie, mais il n'a pas été décrit en sept jours.", "Vérifiez qu'il existe encore chez l'éditeur, puis réessayez ou écartez-le."},
		EN: Text{"Never described", "A record of the vendor refers to it, but nobody described it within seven days.", "Check that it still exists at the vendor, then retry or dismiss it."},
	},
}
