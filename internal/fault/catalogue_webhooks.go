package fault

// webhookTexts are the faults of webhook endpoints.
var webhookTexts = Texts{
	"webhook-endpoints-limit": {
		FR: Text{"Trop d'adresses de réception", "L'institution a déjà {limit} adresses de réception, le maximum.", "Supprimez celles qui ne servent plus, ou regroupez les types d'événements."},
		EN: Text{"Too many webhook endpoints", "The institution already has {limit} webhook endpoints, the most allowed.", "Delete those no longer used, or gather event types."},
	},
	"webhook-keys-limit": {
		FR: Text{"Trop de clés en recouvrement", "{limit} jeux de clés signent déjà les envois à cette adresse.", "Attendez la fin d'un recouvrement, ou renouvelez avec « overlap_seconds » à 0."},
		EN: Text{"Too many overlapping keys", "{limit} sets of keys already sign what is sent to this endpoint.", "Wait for an overlap to end, or rotate with “overlap_seconds” 0."},
	},
	"webhook-endpoint-not-active": {
		FR: Text{"Adresse de réception inactive", "L'adresse de réception est dans l'état « {status} » ; elle ne reçoit rien pour le moment.", "Faites-la vérifier (POST …/verify), puis recommencez."},
		EN: Text{"Webhook endpoint not active", "The webhook endpoint is “{status}” and receives nothing at present.", "Have it verified (POST …/verify), then try again."},
	},
	"webhook-verification-over": {
		FR: Text{"Vérification dépassée", "Cette vérification est celle d'une adresse ou d'un essai antérieur.", "Demandez une nouvelle vérification (POST …/verify)."},
		EN: Text{"Verification is over", "This verification belongs to an earlier address or attempt.", "Ask for a new verification (POST …/verify)."},
	},
	"not-past":        {FR: Text{"Pas encore passé", "« since » doit être passé.", ""}, EN: Text{"Not past yet", "“since” must be in the past.", ""}},
	"not-after-since": {FR: Text{"Période vide", "« until » doit être postérieur à « since ».", ""}, EN: Text{"Empty period", "“until” must be later than “since”.", ""}},

	"url-invalid":              {FR: Text{"Adresse illisible", "L'adresse n'est pas une URL complète avec un nom d'hôte.", ""}, EN: Text{"Unreadable address", "The address is not a complete URL with a host name.", ""}},
	"url-scheme-forbidden":     {FR: Text{"Schéma non admis", "L'adresse doit commencer par https://.", ""}, EN: Text{"Scheme not allowed", "The address must start with https://.", ""}},
	"url-userinfo-forbidden":   {FR: Text{"Identifiants dans l'adresse", "L'adresse ne doit contenir ni nom d'utilisateur ni mot de passe.", ""}, EN: Text{"Credentials in the address", "The address must not contain a user name or a password.", ""}},
	"url-host-invalid":         {FR: Text{"Nom d'hôte invalide", "Le nom d'hôte de l'adresse n'est pas valide.", ""}, EN: Text{"Invalid host name", "The host name of the address is not valid.", ""}},
	"url-ip-literal-forbidden": {FR: Text{"Adresse IP non admise", "L'adresse doit désigner un nom d'hôte et non une adresse IP.", ""}, EN: Text{"IP address not allowed", "The address must name a host, not an IP address.", ""}},
	"url-port-forbidden":       {FR: Text{"Port non admis", "L'adresse doit utiliser le port 443.", ""}, EN: Text{"Port not allowed", "The address must use port 443.", ""}},
	"url-address-forbidden":    {FR: Text{"Hôte hors de l'internet public", "L'hôte mène à une adresse qui n'est pas sur l'internet public ; l'exploitant peut admettre un réseau interne.", ""}, EN: Text{"Host not on the public internet", "The host leads to an address that is not on the public internet; the operator can allow an internal network.", ""}},
}
