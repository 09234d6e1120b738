package fault

// siemTexts are the faults of what the logs are sent by.
var siemTexts = Texts{
	"too-many-forwarders": {
		FR: Text{"Trop de destinataires", "Une institution envoie ses journaux à {limit} destinataires au plus.", "Supprimez-en un d'abord."},
		EN: Text{"Too many forwarders", "An institution sends its logs to {limit} receivers at most.", "Delete one first."},
	},
	"not-pem": {
		FR: Text{"Certificat illisible", "Ce texte ne contient pas de certificat au format PEM.", ""},
		EN: Text{"Unreadable certificate", "This text has no certificate in PEM.", ""},
	},
	"certificate-and-key": {
		FR: Text{"Certificat et clé", "Un certificat de client va avec sa clé, et l'un doit convenir à l'autre.", ""},
		EN: Text{"Certificate and key", "A client's certificate goes with its key, and one must fit the other.", ""},
	},
	"not-with-syslog": {
		FR: Text{"Pas avec syslog", "Syslog n'a pas de jeton : le destinataire reconnaît un certificat.", "Donnez client_certificate et client_key, ou une adresse https."},
		EN: Text{"Not with syslog", "Syslog has no token: the receiver recognises a certificate.", "Give client_certificate and client_key, or an https address."},
	},
	"secret-needed-again": {
		FR: Text{"Secret à redonner", "Une nouvelle adresse ne reçoit pas le secret de l'ancienne.", "Redonnez le jeton ou la clé, ou null pour s'en passer."},
		EN: Text{"Secret needed again", "A new address does not get the secret of the former.", "Give the token or key again, or null to do without."},
	},
}
