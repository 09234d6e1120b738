package fault

// scimTexts are the faults of provisioning by SCIM.
var scimTexts = Texts{
	"scim-filter": {
		FR: Text{"Filtre non compris", "Le filtre n'est pas compris : {why}.", "Écrivez-le selon la RFC 7644 §3.4.2.2, sur les attributs que donne GET /v1/scim/v2/Schemas."},
		EN: Text{"Filter not understood", "The filter is not understood: {why}.", "Write it as RFC 7644 §3.4.2.2 has it, on the attributes that GET /v1/scim/v2/Schemas gives."},
	},
	"scim-path": {
		FR: Text{"Chemin non compris", "Le chemin « {path} » n'est pas compris ou ne désigne rien de modifiable ainsi.", "Écrivez-le selon la RFC 7644 §3.5.2, sur les attributs que donne GET /v1/scim/v2/Schemas."},
		EN: Text{"Path not understood", "The path “{path}” is not understood or names nothing that can be changed so.", "Write it as RFC 7644 §3.5.2 has it, on the attributes that GET /v1/scim/v2/Schemas gives."},
	},
	"scim-no-target": {
		FR: Text{"Rien à modifier", "Le chemin « {path} » ne désigne aucune valeur présente.", "Relisez la ressource ; employez « add » pour ce qui n'y est pas encore."},
		EN: Text{"Nothing to change", "The path “{path}” names no value that is there.", "Read the resource again; use “add” for what is not there yet."},
	},
	"scim-mutability": {
		FR: Text{"Non modifiable", "L'attribut « {path} » ne peut être modifié ou retiré.", "Laissez-le en l'état."},
		EN: Text{"Cannot be changed", "The attribute “{path}” cannot be changed or removed.", "Leave it as it is."},
	},
	"scim-value": {
		FR: Text{"Valeur non admise", "La valeur de « {path} » n'est pas admise : {why}.", "Corrigez la valeur selon GET /v1/scim/v2/Schemas."},
		EN: Text{"Value not allowed", "The value of “{path}” is not allowed: {why}.", "Correct the value as GET /v1/scim/v2/Schemas has it."},
	},
	"scim-syntax": {
		FR: Text{"Message non compris", "Le message n'est pas celui que la norme décrit : {why}.", "Écrivez-le selon la RFC 7644."},
		EN: Text{"Message not understood", "The message is not what the standard describes: {why}.", "Write it as RFC 7644 has it."},
	},
	"scim-bulk-reference": {
		FR: Text{"Référence non résolue", "« {reference} » ne désigne aucune opération réussie de cet envoi.", "Corrigez le « bulkId », ou l'opération qui le porte."},
		EN: Text{"Reference not resolved", "“{reference}” names no operation of this request that succeeded.", "Correct the “bulkId”, or the operation that has it."},
	},
	"scim-other-source": {
		FR: Text{"Tenu par quelqu'un d'autre", "Cette personne est provisionnée par un autre annuaire, ou a des droits donnés en propre que seul l'établissement modifie.", "Modifiez-la par /v1/users, ou retirez-lui ses droits propres avant de la confier à l'annuaire."},
		EN: Text{"Kept by somebody else", "Another directory provisions this person, or they have rights of their own that only the institution changes.", "Change them through /v1/users, or take their own rights away before leaving them to the directory."},
	},
}
