package transfers

import "slices"

// rule says how one table travels. Everything that is not said here follows
// from the catalogue: all columns, all rows of the institution, in the order of
// the primary key.
type rule struct {
	group string // tables that may be left out together: "events", "access_log"
	// where keeps only some rows.
	where string
	// secret columns stay behind; on arrival the expression stands in for them.
	secret map[string]string
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
		"tenants": {},

		"departments": {},
		"users":       {},
		"api_keys": {
			secret:   map[string]string{"secret_hash": noSecret},
			switched: map[string]string{"revoked_at": "coalesce(revoked_at, " + switchedOff + ")"},
		},
		"oauth_clients": {
			secret: map[string]string{
				"secret_hash": noSecret, "former_secret_hash": "null::bytea", "former_secret_expires_at": "null::timestamptz",
			},
			switched: map[string]string{"revoked_at": "coalesce(revoked_at, " + switchedOff + ")"},
		},

		"contacts":             {},
		"contact_search":       {},
		"contact_points":       {},
		"addresses":            {},
		"contact_external_ids": {},
		"tags":                 {},
		"contact_tags":         {},

		"purposes":         {},
		"consent_wordings": {},
		"consents":         {},

		"events":          {group: "events"},
		"event_changes":   {group: "events"},
		"event_sequence":  {group: "events"},
		"event_heads":     {group: "events"},
		"event_queue":     {group: "events", assigned: []string{"position"}},
		"event_consumers": {group: "events"},

		"access_log": {group: "access_log"},
		// Work that has not ended does not travel: nobody would go on with it.
		"operations": {where: "finished_at is not null"},
	}
}

// staying are the tables that never leave, each with its reason.
func staying() map[string]reason {
	return map[string]reason{
		"idempotency_keys": {
			"Answers kept for a few days so that a repeated request is not carried out twice; they copy what other tables hold.",
			"Réponses gardées quelques jours pour qu'une requête répétée ne soit pas exécutée deux fois ; elles recopient ce que d'autres tables contiennent.",
		},
		"revoked_tokens": {
			"Access tokens of this installation, none of which is valid elsewhere.",
			"Jetons d'accès de cette installation, dont aucun ne vaut ailleurs.",
		},
		"used_assertions": {
			"Proofs by which clients of this installation identified themselves, remembered for minutes.",
			"Preuves par lesquelles des clients de cette installation se sont identifiés, retenues quelques minutes.",
		},
		"signing_keys": {
			"Secrets of the installation, which belong to no institution.",
			"Secrets de l'installation, qui n'appartiennent à aucune institution.",
		},
		"schema_migrations": {
			"The version of the schema; the manifest has it.",
			"La version du schéma ; le manifeste la donne.",
		},
	}
}

type reason struct{ en, fr string }

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
