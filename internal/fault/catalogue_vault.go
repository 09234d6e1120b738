package fault

// vaultTexts are the faults of keys and of what is under them.
var vaultTexts = Texts{
	"access-reason-required": {
		FR: Text{"Motif nécessaire", "Ces données ne se lisent qu'avec un motif.", "Donnez-le dans l'en-tête Parvis-Reason (3 à 200 caractères) ; il est gardé dans le journal des accès."},
		EN: Text{"Reason required", "This is read for a reason only.", "Give it in the header Parvis-Reason (3 to 200 characters); it is kept in the access log."},
	},
	"sensitive-facts-destroyed": {
		FR: Text{"Données détruites", "La clé de cette personne a été détruite : ses données sensibles sont illisibles pour toujours.", ""},
		EN: Text{"Destroyed", "This person's key was destroyed: their sensitive facts are unreadable for ever.", ""},
	},
	"identifier-invalid": {
		FR: Text{"Identifiant erroné", "Ce numéro n'est pas un identifiant de cette nature : ses chiffres de contrôle ou sa forme ne conviennent pas.", ""},
		EN: Text{"Invalid identifier", "This is no identifier of that kind: its check digits or its form do not fit.", ""},
	},
	"rotation-under-way": {
		FR: Text{"Changement de clé en cours", "La clé de l'institution est déjà en train d'être changée.", "Suivez l'opération nommée dans operation_id, puis recommencez s'il le faut."},
		EN: Text{"Change of key under way", "The institution's key is being changed already.", "Follow the operation named in operation_id, then start again if need be."},
	},
}
