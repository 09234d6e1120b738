package fault

// rightsTexts are the faults of roles, departments and what may be done with a contact.
var rightsTexts = Texts{
	"verb-not-held": {
		FR: Text{"Action non permise sur ce contact", "Vos droits sur ce contact ne comprennent pas « {verb} ».", "Demandez ce droit au service qui tient ce contact ; GET /v1/access/explain dit quelle règle s'applique."},
		EN: Text{"Not allowed on this contact", "Your rights on this contact do not include “{verb}”.", "Ask the department that holds this contact for that right; GET /v1/access/explain says which rule applies."},
	},
	"out-of-sight": {
		FR: Text{"Le contact vous deviendrait invisible", "Après cette modification vous ne verriez plus ce contact.", "Laissez-le aussi à un de vos services, ou demandez à qui voit tout l'établissement de le faire."},
		EN: Text{"You would lose sight of the contact", "After this change you would no longer see this contact.", "Leave it with a department of yours too, or ask somebody who sees the whole institution to do it."},
	},
}
