package fault

// contactTexts are the faults of the register.
var contactTexts = Texts{
	"contact-merged": {
		FR: Text{"Fiche fusionnée", "Cette fiche a été fusionnée avec une autre ; l'identifiant de celle-ci est dans « survivor_id ».", "Suivez le lien « canonical » et remplacez l'identifiant chez vous."},
		EN: Text{"Contact merged", "This contact was merged into another, whose identifier is in “survivor_id”.", "Follow the “canonical” link and replace the identifier on your side."},
	},
	"contact-erased": {
		FR: Text{"Personne effacée", "Cette personne a été effacée : rien d'autre n'en est dit, et aucun envoi ne la recrée.", "Effacez-la aussi chez vous et ne renvoyez plus cet identifiant. Si la personne revient d'elle-même, créez une fiche sous un nouvel identifiant."},
		EN: Text{"Person erased", "This person was erased: nothing more is told of them, and nothing that is sent makes them again.", "Erase them on your side too and do not send this identifier again. If the person comes back by themselves, create a contact under a new identifier."},
	},
	"history-erased": {
		FR: Text{"Historique effacé", "Des valeurs de l'historique ont été effacées depuis cet instant : l'état d'alors ne peut être reconstitué.", "Demandez un instant postérieur à l'effacement, ou l'état présent."},
		EN: Text{"History erased", "Values of the history were erased since that instant, so what was then cannot be made again.", "Ask for an instant after the erasure, or for the present."},
	},
	"contact-point-status": {
		FR: Text{"Changement d'état impossible", "Un point de contact ne passe pas de l'état « {from} » à l'état « {to} ».", "Une personne qui s'est désinscrite ne revient que par sa propre décision : repassez d'abord par « unverified » ou « valid »."},
		EN: Text{"Status cannot change so", "A contact point does not go from “{from}” to “{to}”.", "Somebody who opted out comes back only by their own decision: set “unverified” or “valid” first."},
	},
	"ambiguous-match": {
		FR: Text{"Plusieurs fiches possibles", "Plusieurs fiches correspondent ; leurs identifiants sont dans « candidates ».", "Choisissez l'une d'elles et rattachez-lui l'identifiant externe, ou envoyez match=none pour créer une fiche."},
		EN: Text{"Several contacts match", "Several contacts match; their identifiers are in “candidates”.", "Choose one and attach the external id to it, or send match=none to create a contact."},
	},
	"batch-refused": {
		FR: Text{"Lot refusé", "Le lot est atomique et un élément au moins est refusé : rien n'a été fait.", "Corrigez les éléments nommés dans « errors », ou envoyez le lot sans « atomic »."},
		EN: Text{"Batch refused", "The batch is atomic and at least one item is refused: nothing was done.", "Correct the items named in “errors”, or send the batch without “atomic”."},
	},
	"item-incomplete": {
		FR: Text{"Élément incomplet", "L'opération de cet élément demande un membre qui manque.", "« update » et « archive » demandent « id », « upsert » demande « source » et « external_id »."},
		EN: Text{"Incomplete item", "The operation of this item needs a member that is missing.", "“update” and “archive” need “id”, “upsert” needs “source” and “external_id”."},
	},
	"tag-in-other-hands": {
		FR: Text{"Étiquette inutilisable", "L'étiquette est archivée ou fusionnée avec une autre.", "Restaurez-la ou employez celle qui l'a remplacée."},
		EN: Text{"Tag cannot be used", "The tag is archived or merged into another.", "Restore it, or use the one that replaced it."},
	},
	"kind-cannot-change":    {FR: Text{"Nature immuable", "Une personne ne devient pas une organisation, ni l'inverse.", ""}, EN: Text{"Kind cannot change", "A person does not become an organisation, nor the other way round.", ""}},
	"name-required":         {FR: Text{"Nom manquant", "Un nom, ou à défaut un point de contact ou un identifiant externe, est nécessaire.", ""}, EN: Text{"Name missing", "A name is needed, or else a contact point or an external id.", ""}},
	"not-of-this-kind":      {FR: Text{"Champ d'une autre nature", "Ce champ n'existe pas pour « {kind} ».", ""}, EN: Text{"Field of another kind", "This field does not exist for “{kind}”.", ""}},
	"past-only":             {FR: Text{"Instant à venir", "L'état demandé est celui d'un instant passé.", ""}, EN: Text{"Not in the past", "What is asked for is the state at a past instant.", ""}},
	"impossible-birthdate":  {FR: Text{"Date de naissance impossible", "La date de naissance est dans le futur ou avant 1850.", ""}, EN: Text{"Impossible date of birth", "The date of birth is in the future or before 1850.", ""}},
	"unknown-language":      {FR: Text{"Langue inconnue", "Une étiquette de langue BCP 47 est attendue, par exemple « fr-FR ».", ""}, EN: Text{"Unknown language", "A BCP 47 language tag is expected, such as “fr-FR”.", ""}},
	"siren":                 {FR: Text{"SIREN invalide", "Un SIREN compte neuf chiffres dont le dernier est une clé de contrôle.", ""}, EN: Text{"Invalid SIREN", "A SIREN has nine digits, the last of which is a check digit.", ""}},
	"siret":                 {FR: Text{"SIRET invalide", "Un SIRET compte quatorze chiffres dont le dernier est une clé de contrôle.", ""}, EN: Text{"Invalid SIRET", "A SIRET has fourteen digits, the last of which is a check digit.", ""}},
	"siret-of-another":      {FR: Text{"SIRET d'une autre entreprise", "Le SIRET ne commence pas par le SIREN donné.", ""}, EN: Text{"SIRET of another company", "The SIRET does not begin with the given SIREN.", ""}},
	"rna":                   {FR: Text{"Numéro RNA invalide", "Un numéro RNA s'écrit W suivi de neuf caractères, par exemple « W751234567 ».", ""}, EN: Text{"Invalid RNA number", "An RNA number is W and nine characters, such as “W751234567”.", ""}},
	"email":                 {FR: Text{"Adresse électronique invalide", "Cette adresse ne peut recevoir de message.", ""}, EN: Text{"Invalid e-mail address", "No message can be sent to this address.", ""}},
	"phone":                 {FR: Text{"Numéro de téléphone invalide", "Ce numéro n'existe dans aucun plan de numérotation ; hors de France, commencez par « + » et l'indicatif.", ""}, EN: Text{"Invalid telephone number", "This number fits no numbering plan; outside France begin with “+” and the country code.", ""}},
	"social":                {FR: Text{"Compte invalide", "Le nom de compte est vide.", ""}, EN: Text{"Invalid handle", "The handle is empty.", ""}},
	"one-primary":           {FR: Text{"Un seul principal", "Un seul élément de chaque sorte peut être principal.", ""}, EN: Text{"One primary only", "Only one item of each kind can be the primary one.", ""}},
	"name-another-primary":  {FR: Text{"Principal nécessaire", "Désignez un autre élément comme principal : celui-ci cessera de l'être.", ""}, EN: Text{"A primary is needed", "Make another item the primary one: this one will cease to be.", ""}},
	"empty-address":         {FR: Text{"Adresse vide", "Une rue, un code postal ou une ville est nécessaire.", ""}, EN: Text{"Empty address", "A street, a postal code or a city is needed.", ""}},
	"unknown-country":       {FR: Text{"Pays inconnu", "Ce code ne désigne aucun pays.", "Indiquez son code ISO 3166-1 à deux lettres, par exemple « BE »."}, EN: Text{"Unknown country", "This code is of no country.", "Give its ISO 3166-1 code of two letters, such as “BE”."}},
	"ends-before-it-begins": {FR: Text{"Fin avant le début", "La date de fin précède la date de début.", ""}, EN: Text{"Ends before it begins", "The end is before the beginning.", ""}},
	"archived-tag":          {FR: Text{"Étiquette retirée", "Cette étiquette est archivée ou fusionnée : elle ne peut plus être donnée.", ""}, EN: Text{"Retired tag", "This tag is archived or merged and can no longer be given.", ""}},
	"filter-field":          {FR: Text{"Critère inconnu", "Ce champ ne peut servir de critère.", ""}, EN: Text{"Unknown criterion", "This field cannot be filtered by.", ""}},
	"filter-operator":       {FR: Text{"Opérateur impossible", "L'opérateur « {op} » ne s'applique pas à ce champ.", ""}, EN: Text{"Operator does not apply", "The operator “{op}” does not apply to this field.", ""}},
	"filter-value":          {FR: Text{"Valeur impossible", "La valeur ne convient pas à ce champ et à cet opérateur.", ""}, EN: Text{"Value does not fit", "The value does not fit this field and operator.", ""}},
	"filter-too-big":        {FR: Text{"Filtre trop grand", "Un filtre compte au plus {limit} conditions.", ""}, EN: Text{"Filter too big", "A filter has at most {limit} conditions.", ""}},
	"filter-shape":          {FR: Text{"Filtre illisible", "Chaque nœud est soit « and », soit « or », soit « not », soit une condition.", ""}, EN: Text{"Unreadable filter", "Each node is “and”, “or”, “not” or one condition.", ""}},
}
