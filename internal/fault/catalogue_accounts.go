package fault

// accountTexts are the faults of signing in.
var accountTexts = Texts{
	"sign-in-refused": {
		FR: Text{"Connexion refusée", "L'adresse ou le mot de passe ne convient pas.", "Vérifiez l'un et l'autre, ou demandez un lien pour définir un nouveau mot de passe."},
		EN: Text{"Sign-in refused", "The address or the password is not right.", "Check both, or ask for a link to set a new password."},
	},
	"too-many-attempts": {
		FR: Text{"Trop de tentatives", "Trop de tentatives ont échoué ; la prochaine est possible dans {seconds} secondes.", "Attendez ce délai ; un mot de passe oublié se redéfinit par un lien, une clé perdue se remplace."},
		EN: Text{"Too many attempts", "Too many attempts have failed; the next one is possible in {seconds} seconds.", "Wait for so long; a forgotten password is set anew by a link, a lost key is replaced."},
	},
	"session-ended": {
		FR: Text{"Session close", "Cette session n'existe pas ou plus.", "Connectez-vous de nouveau."},
		EN: Text{"Session ended", "This session does not exist, or no longer.", "Sign in again."},
	},
	"not-a-person": {
		FR: Text{"Réservé aux personnes", "Un programme n'a ni session ni mot de passe ; seul un utilisateur connecté peut le faire.", "Employez le jeton d'une session d'utilisateur."},
		EN: Text{"For persons only", "A program has neither sessions nor a password; only a user who is signed in can do this.", "Use the token of a user's session."},
	},
	"user-not-active": {
		FR: Text{"Utilisateur désactivé", "Cet utilisateur est désactivé ; il ne peut pas se connecter.", "Réactivez-le d'abord."},
		EN: Text{"User not active", "This user is deactivated and cannot sign in.", "Reactivate the user first."},
	},
	"signs-in-elsewhere": {
		FR: Text{"Connexion par un fournisseur d'identité", "Cet utilisateur se connecte par un fournisseur d'identité ; il n'a pas de mot de passe ici.", "Retirez « issuer » et « subject » de l'utilisateur s'il doit avoir un compte local."},
		EN: Text{"Signs in with an identity provider", "This user signs in with an identity provider and has no password here.", "Clear “issuer” and “subject” of the user if there is to be a local account."},
	},
	"password-link-unknown": {
		FR: Text{"Lien sans effet", "Ce lien n'existe pas, a déjà servi ou a expiré.", "Demandez un nouveau lien."},
		EN: Text{"Link of no use", "This link does not exist, has been used or has expired.", "Ask for a new link."},
	},
	"second-factor-exists": {
		FR: Text{"Second facteur déjà en place", "Ce compte a déjà un second facteur confirmé.", "Retirez-le d'abord, avec un code de l'appareil actuel."},
		EN: Text{"Second factor exists", "This account already has a confirmed second factor.", "Remove it first, with a code of the present device."},
	},
	"second-factor-missing": {
		FR: Text{"Pas de second facteur", "Ce compte n'a pas de second facteur, ou il n'est pas encore confirmé.", "Commencez par en demander un."},
		EN: Text{"No second factor", "This account has no second factor, or it is not confirmed yet.", "Begin one first."},
	},
	"second-factor-required": {
		FR: Text{"Second facteur requis", "Votre rôle demande un second facteur, que cette session n'a pas montré. Enregistrez un appareil, puis connectez-vous avec un code.", "Enregistrez un appareil (« POST /v1/account/totp »), puis connectez-vous avec un code."},
		EN: Text{"Second factor required", "Your role asks for a second factor, which this session has not shown. Enrol a device, then sign in with a code.", "Enrol a device (“POST /v1/account/totp”), then sign in with a code."},
	},
	"stronger-sign-in-required": {
		FR: Text{"Connexion plus forte requise", "Votre rôle demande un second facteur, que votre fournisseur d'identité n'a pas vérifié. Reconnectez-vous chez lui avec un second facteur.", "Recommencez la connexion avec « level: strong » ; si cela ne change rien, demandez à votre service informatique d'activer le second facteur de votre compte."},
		EN: Text{"Stronger sign-in required", "Your role asks for a second factor, which your identity provider has not checked. Sign in there again with a second factor.", "Begin to sign in again with “level: strong”; if that changes nothing, ask your IT department to turn on the second factor of your account."},
	},
	"sign-in-unknown": {
		FR: Text{"Connexion inconnue", "Cette connexion n'existe pas, a déjà servi ou a expiré.", "Reprenez la connexion depuis le début."},
		EN: Text{"Sign-in unknown", "This sign-in does not exist, has been used or has expired.", "Sign in again from the beginning."},
	},
	"provider-unavailable": {
		FR: Text{"Fournisseur d'identité injoignable", "Le fournisseur d'identité ne répond pas, ou pas comme il le devrait.", "Réessayez plus tard ; l'administrateur vérifie l'émetteur et son document de découverte."},
		EN: Text{"Identity provider unavailable", "The identity provider does not answer, or not as it should.", "Try again later; the administrator checks the issuer and its discovery document."},
	},
	"return-address-unknown": {FR: Text{"Adresse de retour inconnue", "Cette adresse ne figure pas parmi les adresses de retour de l'établissement.", ""}, EN: Text{"Return address unknown", "This address is not among the return addresses of the institution.", ""}},
	"return-address-unfit":   {FR: Text{"Adresse de retour impropre", "Une adresse https complète est attendue, sans fragment ni nom d'utilisateur ; http seulement pour cette machine.", ""}, EN: Text{"Return address unfit", "A whole https address is expected, without fragment or user name; http for this machine only.", ""}},
	"parameter-reserved":     {FR: Text{"Paramètre réservé", "Ce paramètre appartient au protocole.", ""}, EN: Text{"Parameter reserved", "This parameter belongs to the protocol.", ""}},
	"saml-metadata-unfit": {
		FR: Text{"Métadonnées SAML impropres", "Les métadonnées ne conviennent pas : {why}.", ""},
		EN: Text{"SAML metadata unfit", "The metadata do not fit: {why}.", ""},
	},
	"not-for-saml": {FR: Text{"Sans objet en SAML", "Un fournisseur SAML n'a pas cela.", ""}, EN: Text{"Not for SAML", "A SAML provider does not have this.", ""}},
	"issuer-shared": {
		FR: Text{"Émetteur partagé", "Un autre établissement accepte déjà cet émetteur pour la même audience : rien ne distinguerait leurs jetons.", "Employez une audience propre, ou distinguez les jetons par « tenant_claim » et « tenant_value »."},
		EN: Text{"Issuer shared", "Another institution already trusts this issuer for the same audience: nothing would tell their tokens apart.", "Use an audience of your own, or tell tokens apart by “tenant_claim” and “tenant_value”."},
	},
	"own-issuer":          {FR: Text{"Notre propre émetteur", "C'est l'adresse de ce service lui-même.", ""}, EN: Text{"Our own issuer", "This is the address of this service itself.", ""}},
	"code-wrong":          {FR: Text{"Code inexact", "Ce code ne convient pas, ou il a déjà servi.", ""}, EN: Text{"Wrong code", "This code is not right, or it has been used.", ""}},
	"password-short":      {FR: Text{"Mot de passe trop court", "Au moins {limit} caractères sont attendus, quels qu'ils soient.", ""}, EN: Text{"Password too short", "At least {limit} characters are expected, of any kind.", ""}},
	"password-common":     {FR: Text{"Mot de passe trop courant", "Ce mot de passe est fait de mots courants, de suites ou de noms que chacun connaît.", ""}, EN: Text{"Password too common", "This password is made of common words, sequences or names that everybody knows.", ""}},
	"password-breached":   {FR: Text{"Mot de passe divulgué", "Ce mot de passe figure dans une liste de mots de passe volés.", ""}, EN: Text{"Password breached", "This password is on a list of stolen passwords.", ""}},
	"password-characters": {FR: Text{"Caractères non admis", "Les caractères de contrôle ne sont pas admis.", ""}, EN: Text{"Characters not allowed", "Control characters are not allowed.", ""}},
	"password-wrong":      {FR: Text{"Mot de passe inexact", "Ce n'est pas le mot de passe actuel.", ""}, EN: Text{"Wrong password", "This is not the present password.", ""}},
}
