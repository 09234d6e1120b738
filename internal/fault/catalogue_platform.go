package fault

// platformTexts are the faults that any operation can answer with.
var platformTexts = Texts{
	"header-repeated": {
		FR: Text{"En-tête répété", "Cet en-tête ne peut figurer qu'une fois.", ""},
		EN: Text{"Repeated header", "This header may be there once only.", ""},
	},
	"invalid-request": {
		FR: Text{"Requête non conforme au contrat", "La requête ne respecte pas le contrat de l'API ; chaque écart est donné dans « errors ».", "Corrigez chaque champ nommé, puis renvoyez la requête."},
		EN: Text{"Request does not follow the contract", "The request does not follow the API contract; each deviation is listed in “errors”.", "Correct each field named, then send the request again."},
	},
	"malformed-json": {
		FR: Text{"JSON illisible", "Le corps de la requête n'est pas un document JSON lisible (position {offset}).", "Vérifiez que le corps est un seul document JSON, en UTF-8, complet."},
		EN: Text{"Unreadable JSON", "The request body is not a readable JSON document (at byte {offset}).", "Check that the body is one complete JSON document in UTF-8."},
	},
	"body-required": {
		FR: Text{"Corps attendu", "Cette opération attend un corps de requête.", "Envoyez le corps décrit par le contrat."},
		EN: Text{"Body required", "This operation needs a request body.", "Send the body that the contract describes."},
	},
	"unknown-parameter": {
		FR: Text{"Paramètre inconnu", "Un paramètre de l'adresse n'existe pas pour cette opération.", "Retirez-le ou corrigez son nom ; la liste est dans le contrat."},
		EN: Text{"Unknown parameter", "A query parameter does not exist for this operation.", "Remove it or correct its name; the contract lists them."},
	},
	"cursor-invalid": {
		FR: Text{"Curseur illisible", "Le curseur n'a pas été émis par cette installation ou a été modifié.", "Repartez sans curseur, puis suivez « next_cursor » tel quel."},
		EN: Text{"Invalid cursor", "The cursor was not issued by this installation or has been altered.", "Start without a cursor, then follow “next_cursor” as given."},
	},
	"cursor-mismatch": {
		FR: Text{"Curseur d'une autre requête", "Le curseur appartient à une liste demandée avec d'autres filtres ou un autre tri.", "Gardez les mêmes paramètres pendant tout le parcours."},
		EN: Text{"Cursor of another request", "The cursor belongs to a list asked for with other filters or another sort.", "Keep the same parameters during the whole walk."},
	},
	"idempotency-key-required": {
		FR: Text{"Clé d'idempotence attendue", "Cette opération crée ou envoie quelque chose : l'en-tête Idempotency-Key est obligatoire.", "Envoyez une valeur unique par intention, par exemple un UUID entre guillemets."},
		EN: Text{"Idempotency key required", "This operation creates or sends something: the Idempotency-Key header is required.", "Send a value unique to each intent, for example a quoted UUID."},
	},
	"idempotency-key-invalid": {
		FR: Text{"Clé d'idempotence illisible", "La clé d'idempotence compte de 1 à 255 caractères ASCII visibles.", "Raccourcissez-la ou retirez les caractères spéciaux."},
		EN: Text{"Invalid idempotency key", "An idempotency key has 1 to 255 visible ASCII characters.", "Shorten it or remove the special characters."},
	},
	"idempotency-in-progress": {
		FR: Text{"Première requête encore en cours", "Une requête portant la même clé d'idempotence est en cours de traitement.", "Attendez une seconde, puis renvoyez la même requête."},
		EN: Text{"First request still running", "A request with the same idempotency key is being processed.", "Wait a second, then send the same request again."},
	},
	"idempotency-mismatch": {
		FR: Text{"Clé d'idempotence déjà employée", "Cette clé d'idempotence a déjà servi pour une requête différente.", "Employez une nouvelle clé pour une nouvelle intention."},
		EN: Text{"Idempotency key already used", "This idempotency key was used for a different request.", "Use a new key for a new intent."},
	},
	"unauthenticated": {
		FR: Text{"Identification nécessaire", "La requête ne porte pas d'identifiant valable.", "Envoyez l'en-tête Authorization: Bearer avec une clé ou un jeton en cours de validité."},
		EN: Text{"Authentication needed", "The request carries no valid credential.", "Send the Authorization: Bearer header with a key or token that is still valid."},
	},
	"reason-required": {
		FR: Text{"Motif nécessaire", "Votre institution demande un motif pour cette consultation : indiquez-le dans l'en-tête « {header} ».", "Donnez l'occasion de la consultation ou le numéro d'un dossier, en 200 caractères au plus ; la personne concernée peut le lire."},
		EN: Text{"Reason needed", "Your institution asks for a reason to read this: state it in the header “{header}”.", "Give the occasion, or the number of a case, in at most 200 characters; the person concerned may read it."},
	},
	"insufficient-scope": {
		FR: Text{"Droit manquant", "Cet identifiant n'a pas le droit « {scope} » que demande l'opération.", "Demandez à l'administrateur d'ajouter ce droit à la clé."},
		EN: Text{"Missing right", "This credential lacks the scope “{scope}” that the operation requires.", "Ask the administrator to add this scope to the key."},
	},
	"not-found": {
		FR: Text{"Introuvable", "Rien ne se trouve à cette adresse, ou rien que vous puissiez voir.", "Vérifiez l'identifiant et l'adresse."},
		EN: Text{"Not found", "There is nothing at this address, or nothing that you may see.", "Check the identifier and the address."},
	},
	"method-not-allowed": {
		FR: Text{"Méthode non admise", "Cette adresse n'admet pas la méthode {method}.", "L'en-tête Allow donne les méthodes admises."},
		EN: Text{"Method not allowed", "This address does not accept the method {method}.", "The Allow header lists the methods it accepts."},
	},
	"not-acceptable": {
		FR: Text{"Aucune représentation possible", "Aucun des formats demandés par l'en-tête Accept n'est disponible.", "Demandez application/json."},
		EN: Text{"No acceptable representation", "None of the formats asked for in the Accept header is available.", "Ask for application/json."},
	},
	"conflict": {
		FR: Text{"Conflit", "L'état présent ne permet pas cette opération.", "Relisez la ressource, puis décidez."},
		EN: Text{"Conflict", "The present state does not allow this operation.", "Read the resource again, then decide."},
	},
	"already-exists": {
		FR: Text{"Existe déjà", "Un enregistrement porte déjà cette identité ; si vous le voyez, son identifiant est dans « existing_id ».", "Modifiez l'enregistrement existant ou choisissez une autre identité."},
		EN: Text{"Already exists", "A record already has this identity; if you see it, its identifier is in “existing_id”.", "Change the existing record or choose another identity."},
	},
	"stale-version": {
		FR: Text{"Version dépassée", "La ressource a changé depuis votre lecture ; sa version présente est {current_version}.", "Relisez-la, reportez votre modification, renvoyez avec le nouvel ETag."},
		EN: Text{"Stale version", "The resource has changed since you read it; its present version is {current_version}.", "Read it again, apply your change, send with the new ETag."},
	},
	"precondition-failed": {
		FR: Text{"Condition non remplie", "La condition posée par If-Match ou If-None-Match n'est pas remplie.", "Relisez la ressource, puis décidez."},
		EN: Text{"Precondition failed", "The condition set by If-Match or If-None-Match does not hold.", "Read the resource again, then decide."},
	},
	"precondition-required": {
		FR: Text{"Condition obligatoire", "Cette opération exige l'en-tête If-Match avec l'ETag de la version lue.", "Lisez la ressource, puis envoyez son ETag dans If-Match."},
		EN: Text{"Precondition required", "This operation requires the If-Match header with the ETag of the version you read.", "Read the resource, then send its ETag in If-Match."},
	},
	"too-large": {
		FR: Text{"Corps trop volumineux", "Le corps dépasse {limit} octets.", "Découpez l'envoi, ou passez par un import."},
		EN: Text{"Body too large", "The body exceeds {limit} bytes.", "Split it, or use an import."},
	},
	"unsupported-media-type": {
		FR: Text{"Type de contenu non admis", "Cette opération n'admet pas le type de contenu « {type} ».", "Les en-têtes Accept-Patch ou Accept-Post donnent les types admis."},
		EN: Text{"Unsupported media type", "This operation does not accept the content type “{type}”.", "The Accept-Patch or Accept-Post header lists the accepted types."},
	},
	"unsupported-encoding": {
		FR: Text{"Codage de contenu non admis", "Cette opération n'admet pas le codage « {encoding} ».", "Envoyez le corps sans compression."},
		EN: Text{"Unsupported content coding", "This operation does not accept the coding “{encoding}”.", "Send the body uncompressed."},
	},
	"invalid": {
		FR: Text{"Demande refusée par une règle", "La demande est bien formée mais contraire à une règle ; chaque écart est donné dans « errors ».", "Corrigez chaque point nommé."},
		EN: Text{"Refused by a rule", "The request is well formed but breaks a rule; each breach is listed in “errors”.", "Correct each point named."},
	},
	"certificate-required": {
		FR: Text{"Certificat exigé", "Cette installation n'accepte un identifiant que sur une connexion où le programme présente un certificat d'une autorité qu'elle connaît.", "Connectez-vous avec le certificat client remis par l'exploitant."},
		EN: Text{"Certificate required", "This installation takes a credential only over a connection on which the program shows a certificate of an authority it knows.", "Connect with the client certificate that the operator gave you."},
	},
	"https-required": {
		FR: Text{"HTTPS exigé", "Cette installation ne répond qu'en HTTPS ; l'identifiant envoyé en clair est à remplacer.", "Appelez l'adresse qui commence par https:// et remplacez la clé qui a circulé en clair."},
		EN: Text{"HTTPS required", "This installation answers over HTTPS only; a credential sent in the clear must be replaced.", "Call the address that begins with https:// and replace the key that was sent in the clear."},
	},
	"quota-exceeded": {
		FR: Text{"Trop de requêtes", "Le quota « {policy} » est épuisé ; il se libère dans {seconds} s.", "Attendez la durée donnée par Retry-After."},
		EN: Text{"Too many requests", "The quota “{policy}” is used up; it frees in {seconds} s.", "Wait as long as Retry-After says."},
	},
	"unavailable": {
		FR: Text{"Service momentanément indisponible", "Le service ne peut répondre pour le moment ; rien de ce qui avait été accepté n'est perdu.", "Renvoyez la requête après la durée donnée par Retry-After."},
		EN: Text{"Temporarily unavailable", "The service cannot answer right now; nothing that was accepted is lost.", "Send the request again after the time given by Retry-After."},
	},
	"internal": {
		FR: Text{"Erreur interne", "Une erreur de notre fait a empêché de répondre. Communiquez l'identifiant de requête à l'exploitant.", "Renvoyez la requête ; si l'erreur persiste, transmettez « request_id »."},
		EN: Text{"Internal error", "A mistake on our side prevented an answer. Give the request id to the operator.", "Send the request again; if it persists, report “request_id”."},
	},
	"operation-finished": {
		FR: Text{"Opération déjà terminée", "L'opération est terminée ; elle ne peut plus être annulée.", "Lisez son résultat."},
		EN: Text{"Operation already finished", "The operation has finished; it can no longer be cancelled.", "Read its result."},
	},
}

// violationTexts are the sentences of single violations inside "errors".
var violationTexts = Texts{
	"required":               {FR: Text{"Champ manquant", "Ce champ est obligatoire.", ""}, EN: Text{"Missing field", "This field is required.", ""}},
	"unknown-property":       {FR: Text{"Champ inconnu", "Ce champ n'existe pas ici.", ""}, EN: Text{"Unknown field", "This field does not exist here.", ""}},
	"type":                   {FR: Text{"Mauvais type", "Valeur de type {want} attendue.", ""}, EN: Text{"Wrong type", "A value of type {want} is expected.", ""}},
	"enum":                   {FR: Text{"Valeur non admise", "Valeurs admises : {allowed}.", ""}, EN: Text{"Value not allowed", "Allowed values: {allowed}.", ""}},
	"const":                  {FR: Text{"Valeur non admise", "Seule la valeur {want} est admise.", ""}, EN: Text{"Value not allowed", "Only the value {want} is allowed.", ""}},
	"too-short":              {FR: Text{"Trop court", "Au moins {limit} caractères sont attendus.", ""}, EN: Text{"Too short", "At least {limit} characters are expected.", ""}},
	"too-long":               {FR: Text{"Trop long", "Au plus {limit} caractères sont admis.", ""}, EN: Text{"Too long", "At most {limit} characters are allowed.", ""}},
	"too-few":                {FR: Text{"Trop peu d'éléments", "Au moins {limit} éléments sont attendus.", ""}, EN: Text{"Too few items", "At least {limit} items are expected.", ""}},
	"too-many":               {FR: Text{"Trop d'éléments", "Au plus {limit} éléments sont admis.", ""}, EN: Text{"Too many items", "At most {limit} items are allowed.", ""}},
	"too-small":              {FR: Text{"Valeur trop petite", "La valeur minimale est {limit}.", ""}, EN: Text{"Value too small", "The smallest value is {limit}.", ""}},
	"too-big":                {FR: Text{"Valeur trop grande", "La valeur maximale est {limit}.", ""}, EN: Text{"Value too big", "The greatest value is {limit}.", ""}},
	"format":                 {FR: Text{"Format non respecté", "Le format « {want} » est attendu.", ""}, EN: Text{"Wrong format", "The format “{want}” is expected.", ""}},
	"pattern":                {FR: Text{"Forme non respectée", "La valeur ne suit pas la forme {want}.", ""}, EN: Text{"Wrong form", "The value does not follow the form {want}.", ""}},
	"not-unique":             {FR: Text{"Doublon", "Chaque élément doit être unique.", ""}, EN: Text{"Duplicate item", "Each item must be unique.", ""}},
	"no-match":               {FR: Text{"Aucune forme ne convient", "La valeur ne correspond à aucune des formes admises.", ""}, EN: Text{"No form fits", "The value matches none of the allowed forms.", ""}},
	"too-deep":               {FR: Text{"Imbrication trop profonde", "Le document est imbriqué sur plus de {limit} niveaux.", ""}, EN: Text{"Nested too deeply", "The document is nested more than {limit} levels deep.", ""}},
	"repeated-member":        {FR: Text{"Membre répété", "Ce membre figure deux fois dans le même objet.", ""}, EN: Text{"Repeated member", "This member is twice in the same object.", ""}},
	"nul-character":          {FR: Text{"Caractère nul", "Le texte contient le caractère nul (U+0000), qui ne peut être conservé.", ""}, EN: Text{"Null character", "The text contains the null character (U+0000), which cannot be kept.", ""}},
	"invalid-utf8":           {FR: Text{"UTF-8 invalide", "Le texte n'est pas de l'UTF-8 valide.", ""}, EN: Text{"Invalid UTF-8", "The text is not valid UTF-8.", ""}},
	"unknown-parameter-name": {FR: Text{"Paramètre inconnu", "Ce paramètre n'existe pas pour cette opération.", ""}, EN: Text{"Unknown parameter", "This parameter does not exist for this operation.", ""}},
	"repeated-parameter":     {FR: Text{"Paramètre répété", "Ce paramètre ne peut figurer qu'une fois.", ""}, EN: Text{"Repeated parameter", "This parameter may appear only once.", ""}},
	"unknown-connector":      {FR: Text{"Connecteur inconnu", "Ce programme ne connaît pas ce connecteur. Il connaît : {known}.", ""}, EN: Text{"Unknown connector", "This program does not know this connector. It knows: {known}.", ""}},
	"unknown-event-type":     {FR: Text{"Type d'événement inconnu", "Aucun type d'événement ne porte ce nom ni ne commence ainsi. GET /v1/event-types les énumère.", ""}, EN: Text{"Unknown event type", "No type of event has this name or begins like it. GET /v1/event-types lists them.", ""}},
	"unknown-stream":         {FR: Text{"Flux inconnu", "La source n'a pas ce flux. Elle a : {known}.", ""}, EN: Text{"Unknown stream", "The source has no such stream. It has: {known}.", ""}},
	"unknown-time-zone":      {FR: Text{"Fuseau inconnu", "Le fuseau horaire n'existe pas dans la base IANA.", ""}, EN: Text{"Unknown time zone", "The time zone does not exist in the IANA database.", ""}},
	"not-a-date":             {FR: Text{"Date impossible", "Cette date n'existe pas.", ""}, EN: Text{"Impossible date", "This date does not exist.", ""}},
	"unknown-reference":      {FR: Text{"Référence inconnue", "L'élément désigné n'existe pas.", ""}, EN: Text{"Unknown reference", "The item referred to does not exist.", ""}},
	"not-sortable":           {FR: Text{"Tri impossible", "Cette liste ne peut être triée par ce champ.", ""}, EN: Text{"Cannot sort", "This list cannot be sorted by this field.", ""}},
	"unknown-field":          {FR: Text{"Champ inconnu", "Ce champ n'existe pas dans la réponse.", ""}, EN: Text{"Unknown field", "This field does not exist in the answer.", ""}},
	"csv-columns":            {FR: Text{"Nombre de colonnes", "La ligne n'a pas les {want} colonnes de l'en-tête.", ""}, EN: Text{"Number of columns", "The line does not have the {want} columns of the heading.", ""}},
	"csv-quotes":             {FR: Text{"Guillemets mal placés", "Un guillemet de la ligne n'ouvre ni ne ferme une valeur (RFC 4180).", ""}, EN: Text{"Misplaced quotes", "A quote in the line neither opens nor closes a value (RFC 4180).", ""}},
	"lines-disagree":         {FR: Text{"Lignes discordantes", "Une autre ligne du même enregistrement dit autre chose.", ""}, EN: Text{"Lines disagree", "Another line of the same record says otherwise.", ""}},
	"beside-unreadable":      {FR: Text{"Voisin d'une ligne illisible", "La ligne illisible voisine pouvait en faire partie ; l'enregistrement n'a pas été repris sans elle.", ""}, EN: Text{"Beside an unreadable line", "The unreadable line beside it may have been part of it; the record was not taken in without it.", ""}},
	"amount":                 {FR: Text{"Montant illisible", "Un montant décimal de la devise est attendu, par exemple « 12.50 ».", ""}, EN: Text{"Unreadable amount", "A decimal amount of the currency is expected, such as “12.50”.", ""}},
}
