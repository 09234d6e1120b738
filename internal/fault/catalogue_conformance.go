package fault

// conformanceTexts are the faults of conformance runs.
var conformanceTexts = Texts{
	"conformance-sandbox-only": {
		FR: Text{"Seulement dans un bac à sable", "Un essai de connecteur fabrique des commandes et des personnes : il n'a lieu que dans une institution en mode test.", "Ouvrez un bac à sable par POST /v1/institution/sandbox et employez sa clé."},
		EN: Text{"In a sandbox only", "A trial of a connector makes up orders and people: it takes place in an institution in test mode only.", "Open a sandbox with POST /v1/institution/sandbox and use its key."},
	},
}
