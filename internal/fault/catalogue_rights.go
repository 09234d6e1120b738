package fault

// rightsTexts are the faults of roles, departments and what may be done with a contact.
var rightsTexts = Texts{
	"verb-not-held": {
		FR: Text{"Action non permise sur ce contact", "Vos droits sur ce contact ne comprennent pas « {verb} ».", "Demandez ce droit au service qui tient ce contact ; GET /v1/access/explain dit quelle règle s'applique."},
		EN: Text{"Not allowed on this contact", "Your rights on this contact do not include “{verb}”.", "Ask the department that holds this contact for that right; GET /v1/access/explain says which rule applies."},
	},
	"purpose-not-held": {
		FR: Text{"Finalité non accordée", "Ce moyen d'accès n'est pas lié à la finalité « {purpose} ».", "Employez une des finalités de ce moyen d'accès (GET /v1/me), ou un autre moyen d'accès."},
		EN: Text{"Purpose not granted", "This credential is not bound to the purpose “{purpose}”.", "Use one of the purposes of this credential (GET /v1/me), or another credential."},
	},
	"outside-purpose": {
		FR: Text{"Hors de la finalité", "Une requête liée à une finalité consulte les personnes que cette finalité concerne ; elle n'administre ni n'exporte rien.", "Employez pour cela un moyen d'accès qui n'est lié à aucune finalité, sans Parvis-Purpose."},
		EN: Text{"Outside the purpose", "A request bound to a purpose reads the people whom this purpose concerns; it runs and takes away nothing else.", "Use a credential that is bound to no purpose, without Parvis-Purpose."},
	},
	"field-class-not-writable": {
		FR: Text{"Champ non modifiable", "Vos droits ne permettent pas d'écrire certains des champs envoyés.", "Retirez les champs que nomme errors[], ou demandez le droit d'écrire leur classe."},
		EN: Text{"Field not writable", "Your rights do not let you write some of the fields you sent.", "Leave out the fields that errors[] names, or ask for the right to write their class."},
	},
	"field-class-not-readable": {
		FR: Text{"Champ non consultable", "Vos droits ne permettent pas de consulter certains des champs par lesquels vous cherchez.", "Retirez les champs que nomme errors[], ou demandez le droit de consulter leur classe."},
		EN: Text{"Field not readable", "Your rights do not let you read some of the fields you search by.", "Leave out the fields that errors[] names, or ask for the right to read their class."},
	},
	"out-of-sight": {
		FR: Text{"Le contact vous deviendrait invisible", "Après cette modification vous ne verriez plus ce contact.", "Laissez-le aussi à un de vos services, ou demandez à qui voit tout l'établissement de le faire."},
		EN: Text{"You would lose sight of the contact", "After this change you would no longer see this contact.", "Leave it with a department of yours too, or ask somebody who sees the whole institution to do it."},
	},
	"own-rights": {
		FR: Text{"Personne ne décide de ses propres droits", "Ces droits seraient les vôtres, ou ceux de la personne qui a créé votre clé : quelqu'un d'autre doit en décider.", "Demandez-les par POST /v1/role-assignments/request ; une autre personne les approuvera."},
		EN: Text{"Nobody decides on their own rights", "These rights would be yours, or those of the person who made your key: somebody else must decide.", "Ask for them with POST /v1/role-assignments/request; somebody else will approve them."},
	},
	"users-only": {
		FR: Text{"Réservé aux personnes", "Une clé ou un client OAuth tient ses droits de lui-même ; seule une personne demande un rôle.", "Employez le jeton d'une personne, ou attribuez le rôle par POST /v1/role-assignments."},
		EN: Text{"For people only", "A key or an OAuth client has its rights from itself; only a person asks for a role.", "Use a person's token, or give the role with POST /v1/role-assignments."},
	},
	"no-break-glass": {
		FR: Text{"Rôle non prévu pour l'urgence", "Ce rôle ne peut être pris sans approbation.", "Demandez-le, ou prenez un rôle prévu pour l'urgence (allows_break_glass)."},
		EN: Text{"Not a role for emergencies", "This role cannot be taken without approval.", "Ask for it, or take a role that is made for emergencies (allows_break_glass)."},
	},
	"assignment-decided": {
		FR: Text{"Attribution déjà tranchée", "L'état de cette attribution ne permet plus cette étape.", "Relisez l'attribution ; au besoin, faites-en une nouvelle."},
		EN: Text{"Already decided", "The state of this assignment no longer admits this step.", "Read the assignment again; make a new one if needed."},
	},
	"request-expired": {
		FR: Text{"Demande dépassée", "La fin demandée est déjà passée.", "Refusez la demande, et faites-en une nouvelle."},
		EN: Text{"Request out of time", "The end that was asked for has already passed.", "Refuse the request, and make a new one."},
	},
	"role-archived": {
		FR: Text{"Rôle archivé", "Ce rôle n'est plus en usage.", "Rétablissez le rôle, ou attribuez-en un autre."},
		EN: Text{"Archived role", "This role is out of use.", "Restore the role, or give another one."},
	},
	"team-archived": {
		FR: Text{"Équipe archivée", "Cette équipe n'est plus en usage.", "Rétablissez-la d'abord."},
		EN: Text{"Archived team", "This team is out of use.", "Restore it first."},
	},
	"not-your-role": {
		FR: Text{"Ce rôle n'est pas le vôtre", "On ne rend que ses propres rôles.", "Qui attribue les droits peut y mettre fin par /revoke."},
		EN: Text{"Not your role", "One gives up one's own roles only.", "Whoever grants rights can end it with /revoke."},
	},
	"ends-before-start":  {FR: Text{"Fin avant le début", "La fin doit suivre le début.", ""}, EN: Text{"Ends before it starts", "The end must come after the start.", ""}},
	"lasts-too-long":     {FR: Text{"Trop long", "Cette attribution ne peut durer au-delà de {latest}.", ""}, EN: Text{"Too long", "This assignment cannot last beyond {latest}.", ""}},
	"class-not-writable": {FR: Text{"Classe non modifiable", "Vos droits ne permettent pas d'écrire les champs de classe « {class} ».", ""}, EN: Text{"Class not writable", "Your rights do not let you write fields of class “{class}”.", ""}},
	"class-not-readable": {FR: Text{"Classe non consultable", "Vos droits ne permettent pas de consulter les champs de classe « {class} ».", ""}, EN: Text{"Class not readable", "Your rights do not let you read fields of class “{class}”.", ""}},
	"heir-inactive": {
		FR: Text{"Destinataire inactif", "La personne qui devait reprendre ces contacts n'est plus active ; ce qui a été repris reste repris.", "Recommencez vers une personne active."},
		EN: Text{"Heir not active", "The person who was to take over these contacts is no longer active; what was taken over stays so.", "Begin again, for somebody who is active."},
	},
	"unknown-operation": {FR: Text{"Opération inconnue", "Aucune opération du contrat ne porte ce nom.", ""}, EN: Text{"Unknown operation", "No operation of the contract has this name.", ""}},
}
