package fault

// ticketingTexts are the sentences of ticketing.
var ticketingTexts = Texts{
	"indicators-beyond-source": {
		FR: Text{"Limité à une source", "Les indicateurs portent sur toutes les sources ; cet accès est limité à une seule.", "Utilisez un accès qui n'est pas limité à une source."},
		EN: Text{"Bound to one source", "Indicators are over all sources; this credential is bound to one.", "Use a credential that is not bound to a source."},
	},
	"ticketing-source-code-taken": {
		FR: Text{"Code déjà pris", "Une source porte déjà le code « {code} ».", "Choisissez un autre code, ou modifiez la source existante."},
		EN: Text{"Code already taken", "A source already has the code “{code}”.", "Choose another code, or change the existing source."},
	},
	"ticketing-source-in-use": {
		FR: Text{"Source déjà utilisée", "Des données de la source « {code} » ont été reçues ; elle ne peut plus être supprimée.", "Mettez la source en pause."},
		EN: Text{"Source in use", "Data of the source “{code}” was received; it can no longer be removed.", "Pause the source."},
	},
	"ticketing-vocabulary-code-taken": {
		FR: Text{"Code déjà pris", "Un vocabulaire porte déjà le code « {code} ».", "Choisissez un autre code, ou modifiez le vocabulaire existant."},
		EN: Text{"Code already taken", "A vocabulary already has the code “{code}”.", "Choose another code, or change the existing vocabulary."},
	},
	"ticketing-vocabulary-in-use": {
		FR: Text{"Vocabulaire utilisé", "Des valeurs correspondent à des termes du vocabulaire « {code} ».", "Supprimez d'abord ces correspondances."},
		EN: Text{"Vocabulary in use", "Values are mapped to terms of the vocabulary “{code}”.", "Take those mappings away first."},
	},
	"ticketing-value-mapped": {
		FR: Text{"Valeur déjà mise en correspondance", "La valeur « {value} » correspond déjà à un terme de ce vocabulaire.", "Modifiez cette correspondance ; son identifiant est « existing_id »."},
		EN: Text{"Value already mapped", "The value “{value}” is already mapped to a term of this vocabulary.", "Change that mapping; its id is `existing_id`."},
	},
	"ticketing-source-paused": {
		FR: Text{"Source en pause", "La source « {code} » est en pause ; rien n'a été reçu.", "Réactivez la source, puis renvoyez les données."},
		EN: Text{"Source paused", "The source “{code}” is paused; nothing was received.", "Activate the source, then send the data again."},
	},
	"ticketing-claim-not-proved": {
		FR: Text{"Commande non reconnue", "Aucune commande ne correspond à ce numéro et à cette preuve.", "Vérifiez le numéro et la preuve, ou demandez à un agent de rattacher la commande."},
		EN: Text{"Order not recognised", "No order matches this number and this proof.", "Check the number and the proof, or ask an agent to attribute the order."},
	},
	"ticketing-order-attributed": {
		FR: Text{"Commande déjà rattachée", "Cette commande appartient déjà à un contact.", "Demandez à un agent de la rattacher à un autre contact."},
		EN: Text{"Order already attributed", "This order already belongs to a contact.", "Ask an agent to attribute it to another contact."},
	},
	"ticketing-test-order": {
		FR: Text{"Commande d'essai", "Une commande d'essai n'appartient à personne.", "Choisissez une vraie commande."},
		EN: Text{"Trial order", "A trial order belongs to nobody.", "Choose a real order."},
	},
	"contact-in-trash": {
		FR: Text{"Contact dans la corbeille", "Rien ne peut être attribué à un contact qui est dans la corbeille.", "Restaurez-le d'abord, ou nommez-en un autre."},
		EN: Text{"Contact in the trash", "Nothing can be attributed to a contact that is in the trash.", "Restore it first, or name another one."},
	},
	"ticketing-review-closed": {
		FR: Text{"Rapprochement déjà décidé", "Il n'y a plus rien à décider pour cette description.", "Annulez la décision prise si elle est fausse."},
		EN: Text{"Review already answered", "There is nothing left to decide about this description.", "Revert the decision if it is wrong."},
	},
	"ticketing-review-ambiguous": {
		FR: Text{"Aucun contact ne l'emporte", "Aucun des contacts proposés n'est plus probable que les autres.", "Choisissez un contact, ou créez-en un."},
		EN: Text{"No contact stands out", "None of the contacts proposed is likelier than the others.", "Choose a contact, or create one."},
	},
	"ticketing-decision-superseded": {
		FR: Text{"Décision remplacée", "Une décision plus récente a été prise entre-temps.", "Relisez les décisions et annulez la dernière."},
		EN: Text{"Decision superseded", "A later decision was made meanwhile.", "Read the decisions again and revert the last one."},
	},
	"ticketing-import-heading": {
		FR: Text{"En-tête inutilisable", "La colonne « {column} » est inconnue pour ce type d'enregistrement, répétée ou absente.", "Corrigez la première ligne du fichier ; « external_id » est obligatoire, les autres colonnes portent les noms des champs."},
		EN: Text{"Unusable heading", "The column “{column}” is unknown for this kind of record, repeated or missing.", "Correct the first line of the file; “external_id” is required, the other columns have the names of members."},
	},
	"ticketing-import-unreadable": {
		FR: Text{"Fichier illisible", "Le fichier ne peut être lu jusqu'au bout (ligne {line}) ; rien n'a été repris.", "Vérifiez la compression et les guillemets, puis renvoyez le fichier."},
		EN: Text{"Unreadable file", "The file cannot be read to its end (line {line}); nothing was taken in.", "Check its compression and its quotes, then send it again."},
	},
	"ticketing-import-apart": {
		FR: Text{"Lignes séparées", "La ligne {line} poursuit un enregistrement dont d'autres lignes se trouvent plus haut ; rien n'a été repris.", "Triez le fichier par « external_id », puis renvoyez-le."},
		EN: Text{"Lines apart", "Line {line} continues a record that has other lines further up; nothing was taken in.", "Sort the file by “external_id”, then send it again."},
	},
	"ticketing-import-too-many": {
		FR: Text{"Trop d'enregistrements", "Un fichier CSV à plusieurs lignes par enregistrement en admet {limit} ; rien n'a été repris.", "Partagez le fichier, ou envoyez du NDJSON."},
		EN: Text{"Too many records", "A CSV file with several lines a record may have {limit} of them; nothing was taken in.", "Divide the file, or send NDJSON."},
	},
	"content-digest-mismatch": {
		FR: Text{"Empreinte différente", "Le fichier reçu n'a pas l'empreinte annoncée.", "Renvoyez-le entier, avec son empreinte SHA-256."},
		EN: Text{"Digest mismatch", "The file that arrived does not have the digest that was announced.", "Send it again as a whole, with its SHA-256."},
	},
}
