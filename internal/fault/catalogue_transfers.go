package fault

// transferTexts are the faults of exports and imports.
var transferTexts = Texts{
	"range-not-satisfiable": {
		FR: Text{"Partie hors du fichier", "La partie demandée commence après la fin du fichier, qui a {size} octets.", "Demandez une partie qui commence dans le fichier."},
		EN: Text{"Part beyond the file", "The part that is asked for begins after the end of the file, which has {size} bytes.", "Ask for a part that begins within the file."},
	},
	"recipient-invalid": {
		FR: Text{"Clé publique invalide", "Ce n'est pas une clé publique age (age1…).", "Créez-en une avec age-keygen, et gardez la clé privée là où l'archive sera importée."},
		EN: Text{"Invalid public key", "This is no public key of age (age1…).", "Make one with age-keygen, and keep the private key where the archive will be imported."},
	},
	"archive-key-wrong": {
		FR: Text{"Mauvaise clé privée", "Les données sensibles de cette archive ne sont pas chiffrées pour cette clé.", "Donnez la clé privée du destinataire que nomme le manifeste, ou aucune pour les laisser de côté."},
		EN: Text{"Wrong private key", "The sensitive facts of this archive are not encrypted for this key.", "Give the private key of the recipient that the manifest names, or none to leave them out."},
	},
	"disk-full": {
		FR: Text{"Espace disque épuisé", "Le disque de l'installation est plein ; aucun fichier incomplet n'a été gardé. Libérez de l'espace, puis recommencez.", "Libérez de l'espace, puis recommencez."},
		EN: Text{"Disk full", "The disk of the installation is full; no incomplete file was kept. Free some space, then start again.", "Free some space, then start again."},
	},
	"storage-failed": {
		FR: Text{"Fichier impossible à écrire", "Le dossier de données de l'installation ne peut être ni lu ni écrit ; aucun fichier incomplet n'a été gardé.", "Vérifiez les droits et l'état du disque du dossier de données."},
		EN: Text{"File cannot be written", "The data folder of the installation cannot be read or written; no incomplete file was kept.", "Check the rights and the disk of the data folder."},
	},
	"export-beyond-rights": {
		FR: Text{"Droits insuffisants pour tout exporter", "Un export contient tout ce que l'institution possède, y compris les contacts et les champs que votre identifiant ne voit pas ou ne peut pas emporter.", "Faites-le avec un identifiant qui voit tout, contacts à accès restreint et classes de champs compris, par exemple celui de l'administrateur."},
		EN: Text{"Not entitled to export everything", "An export holds everything the institution has, contacts and fields that your credential does not see or may not take along among it.", "Do it with a credential that sees everything, restricted contacts and every class of fields included, such as the administrator's."},
	},
	"export-unfinished": {
		FR: Text{"Export inachevé", "Cet export n'a pas (ou pas encore) produit d'archive.", "Suivez l'opération jusqu'à « succeeded »."},
		EN: Text{"Export not finished", "This export has produced no archive, or not yet.", "Follow the operation until it is “succeeded”."},
	},
	"export-expired": {
		FR: Text{"Archive supprimée", "L'archive n'est plus gardée : elle l'est sept jours.", "Lancez un nouvel export."},
		EN: Text{"Archive removed", "The archive is no longer kept: that is seven days.", "Start a new export."},
	},
	"import-unfinished": {
		FR: Text{"Import inachevé", "Cet import n'a pas (ou pas encore) abouti.", "Suivez l'opération jusqu'à « succeeded »."},
		EN: Text{"Import not finished", "This import has not succeeded, or not yet.", "Follow the operation until it is “succeeded”."},
	},
	"import-key-made": {
		FR: Text{"Clé déjà créée", "L'institution importée a déjà une clé de cette installation.", "Employez cette clé, ou créez-en d'autres avec elle."},
		EN: Text{"Key already made", "The imported institution already has a key of this installation.", "Use that key, or make others with it."},
	},
	"archive-invalid": {
		FR: Text{"Archive refusée", "L'archive n'est pas intacte : {flaw}. Rien n'a été chargé ; reprenez l'archive d'origine.", "Vérifiez l'original par « parvis verify » ; s'il est refusé aussi, refaites l'export."},
		EN: Text{"Archive refused", "The archive is not intact: {flaw}. Nothing was loaded; take the original archive again.", "Check the original with “parvis verify”; if it is refused too, make a new export."},
	},
	"archive-too-new": {
		FR: Text{"Archive d'une version plus récente", "L'archive vient du schéma {archive} ; ce programme connaît le schéma {program}.", "Mettez Parvis à jour, puis recommencez."},
		EN: Text{"Archive of a newer version", "The archive has schema {archive}; this program knows schema {program}.", "Update Parvis, then start again."},
	},
	"institution-present": {
		FR: Text{"Institution déjà présente", "L'institution {tenant} de l'archive existe déjà dans cette installation.", "Importez dans une installation neuve."},
		EN: Text{"Institution already present", "The archive's institution {tenant} already exists in this installation.", "Import into a new installation."},
	},
	"not-empty": {
		FR: Text{"Installation non vide", "Un import se fait dans une installation neuve : celle-ci contient déjà des données ({table}).", "Démarrez une installation neuve, ou employez la commande « parvis import »."},
		EN: Text{"Installation not empty", "An import needs a new installation: this one already holds data ({table}).", "Start a new installation, or use the command “parvis import”."},
	},
}
