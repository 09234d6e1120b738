package transfers

import "slices"

// rule says how one table travels. Everything that is not said here follows
// from the catalogue: all columns, all rows of the institution, in the order of
// the primary key.
type rule struct {
	group string // tables that may be left out together: "events", "access_log"
	// founding tables have rows in a new institution already.
	founding bool
	// where keeps only some rows.
	where string
	// derived columns stay behind: the database fills them in from what arrives.
	derived []string
	// secret columns stay behind; on arrival the expression stands in for them.
	secret map[string]string
	// opened columns leave in the clear what this installation has sealed, in the
	// column that is named; on arrival it is sealed again.
	opened map[string]string
	// personal is the column under the key of the person that contact_id names: it
	// leaves encrypted for a recipient.
	personal string
	// switched columns leave with another value than the database has, so that
	// a credential without its secret arrives switched off.
	switched map[string]string
	// assigned columns are given out anew by the database on arrival.
	assigned []string
}

// switchedOff is the instant at which a credential that was still good counts
// as revoked inside an archive. It can be told from every real revocation, and
// two exports of the same data stay equal byte for byte.
const switchedOff = `'1970-01-01T00:00:00Z'::timestamptz`

// noSecret is a digest that no secret has.
const noSecret = `sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8'))`

// leaving are the tables of an archive.
func leaving() map[string]rule {
	return map[string]rule{
		"tenants": {founding: true},

		"account_policies": {},
		// What the institution trusts it goes on to trust; its tokens are for another
		// audience there, which is for an administrator to say.
		"identity_providers": {switched: map[string]string{"is_enabled": "false"}},
		"identity_links":     {},
		// The secret is for the provider and the former installation; the next one
		// is entered, or its key made, before anybody signs in there.
		"saml_connections": {
			secret:   map[string]string{"private_key": "null::bytea", "certificate": "null::bytea"},
			switched: map[string]string{"is_enabled": "false"},
		},
		"sign_in_clients": {
			secret:   map[string]string{"client_secret": "null::bytea", "private_key": "null::bytea", "key_id": "null::text", "public_key": "null::jsonb"},
			switched: map[string]string{"is_enabled": "false"},
		},

		"departments": {},
		"users":       {},
		"api_keys": {
			founding: true,
			secret:   map[string]string{"secret_hash": noSecret},
			switched: map[string]string{"revoked_at": "coalesce(revoked_at, " + switchedOff + ")"},
		},
		"oauth_clients": {
			secret: map[string]string{
				"secret_hash": `case when r."jwks" is null then ` + noSecret + ` end`, "former_secret_hash": "null::bytea", "former_secret_expires_at": "null::timestamptz",
			},
			switched: map[string]string{"revoked_at": "coalesce(revoked_at, " + switchedOff + ")"},
		},

		"quotas":           {},
		"conformance_runs": {},
		"roles":            {},
		"teams":            {},
		"team_members":     {},
		"role_assignments": {},
		"scim_users":       {},
		"scim_groups":      {},

		// What the ledger of consents comes to.
		"contacts":             {derived: []string{"standing_from", "standing_until", "given_purposes", "refused_purposes"}},
		"contact_departments":  {},
		"contact_search":       {},
		"contact_points":       {},
		"addresses":            {},
		"contact_external_ids": {},
		"tags":                 {},
		"contact_tags":         {},
		// The key travels with what is hashed by it, or nobody who was erased would be
		// known where the institution goes.
		"contact_erasure_keys": {secret: map[string]string{"hashing_sealed": "null::bytea"}, opened: map[string]string{"hashing": "hashing_sealed"}},
		"contact_erased_names": {},
		"contact_oppositions":  {},
		"privacy_erasures":     {},
		"privacy_notices":      {},

		// Sensitive facts travel only towards a destination that is named.
		"sensitive_facts": {group: sensitiveGroup, where: readable, secret: map[string]string{"lookup": "null::bytea"}, personal: "sealed"},

		"purposes":         {},
		"consent_wordings": {},
		"consents":         {},

		"processing_activities":        {},
		"processing_activity_purposes": {},

		"ticketing_sources":           {},
		"ticketing_records":           {},
		"ticketing_counts":            {},
		"ticketing_productions":       {},
		"ticketing_performances":      {},
		"ticketing_price_types":       {},
		"ticketing_customers":         {},
		"ticketing_orders":            {},
		"ticketing_lines":             {},
		"ticketing_fees":              {},
		"ticketing_payments":          {},
		"ticketing_movements":         {},
		"ticketing_venues":            {},
		"ticketing_products":          {},
		"ticketing_memberships":       {},
		"ticketing_gift_cards":        {},
		"ticketing_gift_card_entries": {},
		"ticketing_scans":             {},
		"ticketing_group_bookings":    {},
		"ticketing_forgotten":         {},
		"ticketing_awaited":           {},
		"ticketing_references":        {},
		"ticketing_vocabularies":      {},
		"ticketing_mappings":          {},
		"ticketing_vouchers":          {},

		// A connection arrives without its secrets and switched off, to be completed
		// and switched on by whoever takes over; where reading stands travels, so that
		// it goes on from there.
		"connector_connections": {
			secret:   map[string]string{"secrets": "null::bytea", "secret_names": "'{}'::text[]", "hook_hash": "null::bytea", "hook_vendor_id": "null::text"},
			switched: map[string]string{"is_enabled": "false"},
		},
		"connector_states": {switched: map[string]string{
			"due_at": "null::timestamptz", "held_until": "null::timestamptz", "leased_by": "null::uuid", "leased_until": "null::timestamptz",
		}},
		"connector_streams":  {},
		"connector_absences": {},

		// What was declared goes on to be declared under the same keys; sending is off
		// until whoever takes over enters a password and switches it on.
		"sibil_settings": {
			secret:   map[string]string{"password": "null::bytea"},
			switched: map[string]string{"is_enabled": "false"},
		},
		"sibil_quarters":                {},
		"sibil_submissions":             {},
		"sibil_submission_items":        {},
		"sibil_declarations":            {},
		"ticketing_decisions":           {},
		"ticketing_reviews":             {},
		"ticketing_review_candidates":   {},
		"ticketing_household_proposals": {},
		"ticketing_mailboxes":           {},
		"ticketing_moves":               {},

		"forms":         {},
		"form_versions": {},
		"form_submissions": {
			// Without any hash a submission would count as needing no confirmation.
			secret: map[string]string{
				"token_hash": `case when r."token_expires_at" is not null then ` + noSecret + ` end`, "data_sealed": "null::bytea",
			},
			opened: map[string]string{"data": "data_sealed"},
		},

		// The hash of a link opens nothing, and the links in mails that people still
		// have must go on to work where the institution goes.
		"preference_links": {},

		// An endpoint arrives disabled: whoever takes over decides what is sent on.
		"webhook_endpoints": {switched: map[string]string{
			"status":          `'disabled'::text`,
			"disabled_reason": `coalesce(disabled_reason, 'requested')`,
			"disabled_at":     "coalesce(disabled_at, " + switchedOff + ")",
		}},
		"webhook_queues": {switched: map[string]string{
			"due_at": "null::timestamptz", "leased_by": "null::uuid", "leased_until": "null::timestamptz", "paced_until": "null::timestamptz",
		}},
		"webhook_cursors": {},
		// Receivers arrive paused and without secrets: who takes over decides.
		"siem_forwarders": {
			secret: map[string]string{"secret": "null::bytea"},
			switched: map[string]string{
				"status": `'paused'::text`, "due_at": switchedOff, "leased_by": "null::uuid", "leased_until": "null::timestamptz",
			},
		},

		"events":          {group: "events"},
		"event_changes":   {group: "events"},
		"event_sequence":  {group: "events"},
		"event_heads":     {group: "events"},
		"event_queue":     {group: "events", assigned: []string{"position"}},
		"event_consumers": {group: "events"},

		"read_policies": {},

		"access_log":       {group: "access_log"},
		"refusals":         {group: "access_log"},
		"audit_batches":    {group: "access_log"},
		"audit_gaps":       {group: "access_log"},
		"audit_unsealed":   {group: "access_log"},
		"audit_retentions": {},
		// Work that has not ended does not travel: nobody would go on with it.
		"operations": {founding: true, where: "finished_at is not null"},
	}
}

// staying are the tables that never leave, each with its reason.
func staying() map[string]reason {
	return map[string]reason{
		"idempotency_keys": {
			"Answers kept for a few days so that a repeated request is not carried out twice; they copy what other tables hold.",
			"Réponses gardées quelques jours pour qu'une requête répétée ne soit pas exécutée deux fois ; elles recopient ce que d'autres tables contiennent.",
		},
		"access_log_index": {
			"What the log of reads is found by, in a form for machines; it is made again from the log.",
			"Ce qui permet de retrouver les consultations, sous une forme faite pour les machines ; cela se reconstitue à partir du journal.",
		},
		"access_log_marks": {
			"Up to where the log of reads is in its index.",
			"Jusqu'où le journal des consultations figure dans son index.",
		},
		"contact_bases": {
			"For which purposes each person may be read, and when; it follows from the ledger of consents and is made again from it.",
			"Pour quelles finalités chaque personne peut être consultée, et quand ; cela se déduit du registre des consentements et s'en reconstitue.",
		},
		"ticketing_rematches": {
			"Whose sales are to be looked at again; what comes in is looked at again by itself.",
			"Les personnes dont les ventes sont à réexaminer ; ce qui arrive est réexaminé de soi-même.",
		},
		"indicator_notes": {
			"Whose figures are to be counted again; what comes in is counted by itself.",
			"Les personnes dont les indicateurs sont à recalculer ; ce qui arrive est calculé de soi-même.",
		},
		"contact_indicators": {
			"What each person's purchases come to; it follows from the orders and is counted again from them.",
			"Ce que représentent les achats de chaque personne ; cela se déduit des commandes et s'en recalcule.",
		},
		"contact_indicator_nets": {
			"The amounts among them.",
			"Les montants parmi eux.",
		},
		"revoked_tokens": {
			"Access tokens of this installation, none of which is valid elsewhere.",
			"Jetons d'accès de cette installation, dont aucun ne vaut ailleurs.",
		},
		"used_assertions": {
			"Proofs by which clients of this installation identified themselves, remembered for minutes.",
			"Preuves par lesquelles des clients de cette installation se sont identifiés, retenues quelques minutes.",
		},
		"account_passwords": {
			"Hashes of passwords, which leave no installation; a person sets a new one by a link.",
			"Empreintes de mots de passe, qui ne quittent aucune installation ; chacun en définit un nouveau par un lien.",
		},
		"account_links": {
			"Links to set a password, good for a day and at this installation only.",
			"Liens pour définir un mot de passe, valables un jour et seulement sur cette installation.",
		},
		"account_requests": {
			"Requests for such a link, answered within seconds and forgotten after an hour.",
			"Demandes d'un tel lien, satisfaites en quelques secondes et oubliées au bout d'une heure.",
		},
		"account_attempts": {
			"Counts of failed sign-ins, forgotten after a day; the events tell what happened.",
			"Comptes des connexions manquées, oubliés au bout d'un jour ; les événements disent ce qui s'est passé.",
		},
		"account_sessions": {
			"Sessions of this installation, none of which is valid elsewhere; the events tell who signed in when.",
			"Sessions de cette installation, dont aucune ne vaut ailleurs ; les événements disent qui s'est connecté et quand.",
		},
		"identity_provider_users": {
			"What the youngest token of each user said; the next one says it again.",
			"Ce que disait le dernier jeton de chaque utilisateur ; le prochain le redira.",
		},
		"sign_ins": {
			"Sign-ins with an identity provider under way, for minutes; the events tell who signed in when.",
			"Connexions par un fournisseur d'identité en cours, pour quelques minutes ; les événements disent qui s'est connecté et quand.",
		},
		"saml_assertions": {
			"Assertions of identity providers that were taken, remembered for minutes so that none is good twice.",
			"Assertions de fournisseurs d'identité déjà reçues, retenues quelques minutes pour qu'aucune ne serve deux fois.",
		},
		"account_totps": {
			"Secrets of second factors; a person enrols a device anew where the institution goes.",
			"Secrets des seconds facteurs ; chacun enregistre de nouveau son appareil là où va l'institution.",
		},
		"account_recovery_codes": {
			"Hashes of the codes that stand in for those devices.",
			"Empreintes des codes qui remplacent ces appareils.",
		},
		"account_challenges": {
			"Sign-ins under way, for minutes.",
			"Connexions en cours, pour quelques minutes.",
		},
		"account_refreshes": {
			"Hashes of the tokens of those sessions.",
			"Empreintes des jetons de ces sessions.",
		},
		"tenant_imports": {
			"From which archive this installation brought the institution in; the next one notes its own.",
			"De quelle archive cette installation a fait entrer l'institution ; la suivante note la sienne.",
		},
		"mails": {
			"The queue of outgoing mail: what was sent is in the events of what caused it, what waits is not sent twice.",
			"File du courrier sortant : ce qui est parti figure dans les événements qui l'ont causé, ce qui attend ne doit pas partir deux fois.",
		},
		"webhook_keys": {
			"Secrets that sign deliveries; a receiver gets new ones from the new installation.",
			"Secrets qui signent les livraisons ; un destinataire en reçoit de nouveaux de la nouvelle installation.",
		},
		"webhook_deliveries": {
			"Deliveries under way and their recent attempts, kept for days; what was delivered is in the log of events.",
			"Livraisons en cours et leurs tentatives récentes, gardées quelques jours ; ce qui a été livré figure dans le journal des événements.",
		},
		"ticketing_import_results": {
			"What became of each record of files that were taken in, kept for 30 days; the records are in the ticketing tables.",
			"Ce qu'il est advenu de chaque enregistrement des fichiers repris, gardé 30 jours ; les enregistrements figurent dans les tables de billetterie.",
		},
		"connector_fetches": {
			"Single records still to be read from a ticketing system; what is missing is found again.",
			"Enregistrements restant à lire dans un système de billetterie ; ce qui manque se retrouve.",
		},
		"connector_commands": {
			"What ticketing systems were asked to do, kept for 90 days; what came of it is in their own records and in the events.",
			"Ce qui a été demandé aux systèmes de billetterie, gardé 90 jours ; ce qui en a résulté figure dans leurs propres données et dans les événements.",
		},
		"connector_messages": {
			"Calls of ticketing systems as they came, kept for 30 days; what followed from them is in the ticketing tables.",
			"Appels des systèmes de billetterie tels qu'ils sont arrivés, gardés 30 jours ; ce qui en a résulté figure dans les tables de billetterie.",
		},
		"connector_deliveries": {
			"By what name those calls were delivered, remembered for 7 days.",
			"Sous quel nom ces appels ont été remis, retenu 7 jours.",
		},
		"connector_dead_letters": {
			"Records of a ticketing system that could not be taken in; they are read again where the institution goes.",
			"Enregistrements d'un système de billetterie qui n'ont pas pu être repris ; ils sont relus là où va l'institution.",
		},
		"form_nonces": {
			"Answered challenges of forms, kept for minutes against repetition.",
			"Épreuves de formulaires déjà résolues, gardées quelques minutes contre les répétitions.",
		},
		"preference_requests": {
			"Requests for a link to one's preferences, answered within seconds and forgotten after an hour.",
			"Demandes d'un lien vers ses préférences, satisfaites en quelques secondes et oubliées au bout d'une heure.",
		},
		"quota_buckets": {
			"What was asked of the server in the last minutes.",
			"Ce qui a été demandé au serveur dans les dernières minutes.",
		},
		"credential_guesses": {
			"Failed attempts to prove to be a credential, forgotten after hours.",
			"Tentatives d'authentification échouées, oubliées au bout de quelques heures.",
		},
		"bulk_places": {
			"Who is doing bulk work just now.",
			"Qui effectue un traitement en masse en ce moment.",
		},
		"signing_keys": {
			"Secrets of the installation, which belong to no institution.",
			"Secrets de l'installation, qui n'appartiennent à aucune institution.",
		},
		"vault_tenant_keys": {
			"Keys of the institution, wrapped by this installation's master key; the new installation makes its own.",
			"Clés de l'institution, protégées par la clé maîtresse de cette installation ; la nouvelle en crée d'autres.",
		},
		"vault_keys": {
			"Keys of persons, under the institution's key; what is under them stays with them.",
			"Clés des personnes, sous la clé de l'institution ; ce qui est sous ces clés reste avec elles.",
		},
		"schema_steps": {
			"Which steps of the schema were taken, for mending an interrupted start.",
			"Étapes du schéma déjà franchies, pour réparer un démarrage interrompu.",
		},
		"schema_migrations": {
			"The version of the schema; the manifest has it.",
			"La version du schéma ; le manifeste la donne.",
		},
	}
}

type reason struct{ en, fr string }

// sensitiveGroup are the tables that are under keys of persons, which stay here:
// what is left out says so in the manifest.
const sensitiveGroup = "sensitive"

// chosen lists the tables of an archive without the groups that are left out.
func chosen(without []string) (names, omitted []string) {
	for name, r := range leaving() {
		if r.group != "" && slices.Contains(without, r.group) {
			omitted = append(omitted, name)
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	slices.Sort(omitted)
	return names, omitted
}
