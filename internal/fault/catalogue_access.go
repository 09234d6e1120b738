package fault

// accessTexts are the faults of institutions, users, keys and clients.
var accessTexts = Texts{
	"rights-exceeded": {
		FR: Text{"Droits dépassés", "Ce que vous voulez modifier a des droits que votre identifiant n'a pas.", "Faites-le avec un identifiant qui a ces droits, par exemple celui de l'administrateur."},
		EN: Text{"Beyond your rights", "What you want to change has rights that your credential lacks.", "Do it with a credential that has these rights, such as the administrator's."},
	},
	"own-sign-in": {
		FR: Text{"Votre propre accès", "Personne ne change l'adresse ou l'identité par laquelle il se connecte lui-même : une session volée suffirait à prendre le compte.", "Demandez-le à un autre administrateur, ou faites-le avec une clé."},
		EN: Text{"Your own way in", "Nobody changes the address or identity by which they sign in themselves: a stolen session would be enough to take the account.", "Ask another administrator, or do it with a key."},
	},
	"already-revoked": {
		FR: Text{"Déjà révoqué", "Cet identifiant a été révoqué ; il ne peut plus être modifié.", "Créez-en un autre."},
		EN: Text{"Already revoked", "This credential has been revoked; it can no longer be changed.", "Make another one."},
	},
	"key-expired": {
		FR: Text{"Clé expirée", "La clé a expiré ; elle ne peut plus être renouvelée.", "Repoussez son échéance, ou créez une autre clé."},
		EN: Text{"Key expired", "The key has expired; it can no longer be rotated.", "Move its expiry, or make another key."},
	},
	"no-secret": {
		FR: Text{"Client sans secret", "Ce client s'authentifie par ses propres clés ; il n'a pas de secret à renouveler.", "Remplacez ses clés publiques dans « jwks »."},
		EN: Text{"Client without a secret", "This client proves itself by its own keys; it has no secret to rotate.", "Replace its public keys in “jwks”."},
	},
	"sandbox-of-sandbox": {
		FR: Text{"Déjà un bac à sable", "Cet établissement est un bac à sable ; seul un établissement réel peut en ouvrir.", "Employez une clé de l'établissement réel."},
		EN: Text{"Already a sandbox", "This institution is a sandbox; only a live institution can open one.", "Use a key of the live institution."},
	},
	"department-in-use": {
		FR: Text{"Service encore en usage", "D'autres services en usage dépendent de celui-ci.", "Archivez ou déplacez-les d'abord."},
		EN: Text{"Department still in use", "Other departments in use are below this one.", "Archive or move them first."},
	},
	"unknown-scope":       {FR: Text{"Droit inconnu", "Le droit « {scope} » n'existe pas ; GET /v1/scopes les donne tous.", ""}, EN: Text{"Unknown scope", "The scope “{scope}” does not exist; GET /v1/scopes lists them all.", ""}},
	"unknown-currency":    {FR: Text{"Devise inconnue", "Cette devise n'est pas prise en charge (ISO 4217).", ""}, EN: Text{"Unknown currency", "This currency is not supported (ISO 4217).", ""}},
	"network":             {FR: Text{"Réseau illisible", "Un réseau (192.0.2.0/24, 2001:db8::/32) ou une adresse est attendu, sans bits d'hôte.", ""}, EN: Text{"Unreadable network", "A network (192.0.2.0/24, 2001:db8::/32) or an address is expected, without host bits.", ""}},
	"source-required":     {FR: Text{"Source attendue", "Une clé restreinte (rk) est liée à une source.", ""}, EN: Text{"Source required", "A restricted key (rk) is bound to a source.", ""}},
	"source-not-allowed":  {FR: Text{"Source non admise", "Seule une clé restreinte (rk) est liée à une source.", ""}, EN: Text{"Source not allowed", "Only a restricted key (rk) is bound to a source.", ""}},
	"publishable-scopes":  {FR: Text{"Droits non admis", "Une clé publiable (pk) est visible de tous ; elle n'a aucun droit.", ""}, EN: Text{"Scopes not allowed", "A publishable key (pk) is seen by everybody; it has no scopes.", ""}},
	"in-the-past":         {FR: Text{"Date passée", "Cet instant est déjà passé.", ""}, EN: Text{"In the past", "This instant has already passed.", ""}},
	"identity-incomplete": {FR: Text{"Identité incomplète", "« issuer » et « subject » vont ensemble.", ""}, EN: Text{"Incomplete identity", "“issuer” and “subject” go together.", ""}},
	"department-cycle":    {FR: Text{"Hiérarchie en boucle", "Un service ne peut dépendre de lui-même ni d'un service placé sous lui.", ""}, EN: Text{"Circular hierarchy", "A department cannot be below itself or below one that is under it.", ""}},
	"unusable-key":        {FR: Text{"Clé inutilisable", "Une clé publique ES256 (P-256) ou RS256 (2048 bits au moins) est attendue.", ""}, EN: Text{"Unusable key", "A public key for ES256 (P-256) or RS256 (2048 bits at least) is expected.", ""}},
	"proves-by-secret":    {FR: Text{"Client à secret", "Ce client s'authentifie par un secret ; créez-en un autre pour private_key_jwt.", ""}, EN: Text{"Client with a secret", "This client proves itself by a secret; register another one for private_key_jwt.", ""}},
}
