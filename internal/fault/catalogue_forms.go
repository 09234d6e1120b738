package fault

// formTexts are the sentences of forms and of their public door.
var formTexts = Texts{
	"origin-not-allowed": {
		FR: Text{"Origine non admise", "Ce formulaire n'accepte pas les envois depuis cette page.", "Ajoutez l'origine exacte de la page aux origines du formulaire, puis publiez-le."},
		EN: Text{"Origin not allowed", "This form does not accept submissions from this page.", "Add the page's exact origin to the form's origins, then publish it."},
	},
	"form-expired": {
		FR: Text{"Formulaire à recharger", "Le formulaire est resté ouvert trop longtemps ou n'a pas été délivré ici.", "Rechargez la page, puis envoyez de nouveau."},
		EN: Text{"Reload the form", "The form has been open for too long, or was not issued here.", "Reload the page, then send again."},
	},
	"form-too-fast": {
		FR: Text{"Envoi trop rapide", "Le formulaire a été envoyé plus vite qu'une personne ne peut le remplir.", "Attendez quelques secondes, puis envoyez de nouveau."},
		EN: Text{"Sent too fast", "The form was sent faster than a person can fill it in.", "Wait a few seconds, then send again."},
	},
	"work-not-accepted": {
		FR: Text{"Preuve de travail refusée", "La preuve de travail manque, a expiré ou a déjà servi.", "Demandez un nouveau défi, résolvez-le, puis envoyez de nouveau."},
		EN: Text{"Proof of work refused", "The proof of work is missing, has expired or was already used.", "Ask for a new challenge, solve it, then send again."},
	},
	"confirmation-gone": {
		FR: Text{"Lien épuisé", "Ce lien de confirmation a déjà servi ou a expiré.", "Remplissez de nouveau le formulaire."},
		EN: Text{"Link used up", "This confirmation link was already used or has expired.", "Fill in the form again."},
	},
	"submission-rejected": {
		FR: Text{"Demande non enregistrée", "La confirmation est reçue, mais une règle empêche d'enregistrer la demande ; l'équipe en est avertie.", "Écrivez à l'établissement."},
		EN: Text{"Request not recorded", "The confirmation has arrived, but a rule prevents recording the request; the team is told.", "Write to the institution."},
	},
	"form-not-published": {
		FR: Text{"Formulaire jamais publié", "Un formulaire qui n'a jamais été publié ne peut être fermé.", "Supprimez-le, ou publiez-le."},
		EN: Text{"Form never published", "A form that was never published cannot be closed.", "Delete it, or publish it."},
	},
	"form-was-published": {
		FR: Text{"Formulaire déjà publié", "Un formulaire publié fait partie de preuves de consentement : il ne peut être supprimé.", "Fermez-le."},
		EN: Text{"Form was published", "A published form is part of proofs of consent and cannot be deleted.", "Close it."},
	},
	"not-a-language-of-the-form": {FR: Text{"Langue sans titre", "Le titre manque dans la langue par défaut.", ""}, EN: Text{"Language without title", "The title is missing in the default language.", ""}},
	"field-name":                 {FR: Text{"Nom de champ", "Un nom de champ compte de 1 à 40 lettres minuscules, chiffres ou soulignés, et n'est pas réservé.", ""}, EN: Text{"Field name", "A field's name has 1 to 40 lower-case letters, digits or underscores and is not reserved.", ""}},
	"no-such-field":              {FR: Text{"Champ absent", "Le schéma n'a pas ce champ, ou il est d'un autre type.", ""}, EN: Text{"No such field", "The schema does not have this field, or it is of another type.", ""}},
	"field-without-label":        {FR: Text{"Champ sans libellé", "Chaque champ du schéma doit avoir un libellé.", ""}, EN: Text{"Field without label", "Each field of the schema needs a label.", ""}},
	"unreadable-pattern":         {FR: Text{"Motif illisible", "L'expression régulière ne peut être lue (syntaxe RE2).", ""}, EN: Text{"Unreadable pattern", "The regular expression cannot be read (RE2 syntax).", ""}},
	"keyword-of-another-type":    {FR: Text{"Règle d'un autre type", "Cette règle ne s'applique pas à ce type de champ.", ""}, EN: Text{"Keyword of another type", "This keyword does not apply to this type of field.", ""}},
	"bounds-exclude-all":         {FR: Text{"Bornes qui excluent tout", "Aucune valeur ne peut respecter ces bornes : le champ ne pourrait jamais être rempli.", ""}, EN: Text{"Bounds that exclude everything", "No value can keep to these bounds: the field could never be filled in.", ""}},
	"not-a-double":               {FR: Text{"Nombre trop précis", "Ce nombre ne peut être tenu exactement : au plus 15 chiffres sont sûrs, et une grandeur d'au plus 1,7e308.", ""}, EN: Text{"Number too precise", "This number cannot be held exactly: 15 digits at most are safe, and a size of 1.7e308 at most.", ""}},
	"confirmation-needs-address": {FR: Text{"Adresse nécessaire", "La double confirmation demande un champ d'adresse électronique obligatoire.", ""}, EN: Text{"Address needed", "Double opt-in needs a required e-mail field.", ""}},
	"not-an-address-field":       {FR: Text{"Pas un champ d'adresse", "Ce champ doit avoir le format « email ».", ""}, EN: Text{"Not an address field", "This field needs the format “email”.", ""}},
	"no-mail-domain":             {FR: Text{"Domaine sans courrier", "Le domaine de cette adresse ne reçoit pas de courrier : vérifiez ce qui suit le « @ ».", ""}, EN: Text{"Domain without mail", "The domain of this address receives no mail: check what follows the “@”.", ""}},
	"channel-without-field":      {FR: Text{"Canal sans champ", "Le formulaire ne demande pas la coordonnée de ce canal.", ""}, EN: Text{"Channel without field", "The form does not ask for the contact point of this channel.", ""}},
}
