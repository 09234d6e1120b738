package fault

// eventTexts are the faults of the log and its readers.
var eventTexts = Texts{
	"events-beyond-source": {
		FR: Text{"Limité à une source", "Le journal porte sur toutes les sources ; cet accès est limité à une seule.", "Utilisez un accès qui n'est pas limité à une source."},
		EN: Text{"Bound to one source", "The log is over all sources; this credential is bound to one.", "Use a credential that is not bound to a source."},
	},
	"position-beyond-head": {
		FR: Text{"Position au-delà du journal", "Le journal s'arrête à la séquence {head} : aucun lecteur ne peut être plus loin.", "Donnez la séquence du dernier événement reçu ; si la base a été restaurée depuis une copie plus ancienne, relisez à partir d'une position antérieure."},
		EN: Text{"Position beyond the log", "The log ends at sequence {head}: no reader can be further.", "Give the sequence of the last event received; where the database was restored from an older copy, read again from an earlier position."},
	},
	"position-behind": {
		FR: Text{"Position déjà dépassée", "Ce lecteur a déjà confirmé la séquence {sequence}.", "Ignorez cette confirmation tardive, ou envoyez « force » pour relire."},
		EN: Text{"Position already passed", "This reader has already confirmed sequence {sequence}.", "Drop this late confirmation, or send “force” to read again."},
	},
	"consumer-reserved": {
		FR: Text{"Nom réservé", "Ce nom est celui d'un lecteur interne.", "Choisissez un autre nom."},
		EN: Text{"Reserved name", "This name is that of a reader of ours.", "Choose another name."},
	},
}
