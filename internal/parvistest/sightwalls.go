package parvistest

import (
	"encoding/json"
)

// Who may see whom stands behind two walls: row-level security and the program's
// own look. Each of these takes one of them away from a test's program.

// WithoutSightPolicies leaves the program's own look alone.
func (a *App) WithoutSightPolicies() {
	a.tb.Helper()
	a.AsOwner(`DO $$
		DECLARE t text;
		BEGIN
			FOR t IN SELECT tablename FROM pg_policies WHERE schemaname = 'crm' AND policyname = 'sight' LOOP
				EXECUTE format('DROP POLICY sight ON crm.%I', t);
			END LOOP;
		END $$`)
}

// WithoutProgramLook makes the database hold a credential with every right to
// the limits given: the program then looks at nothing, since it believes that
// everything is seen, and row-level security is alone. What the program does in
// the background is limited too, so events must have their numbers before.
func (a *App) WithoutProgramLook(l Limits) *Client {
	a.tb.Helper()
	verbs := l.Verbs
	if verbs == nil {
		verbs = []string{"see", "see_contact_points", "act", "edit", "merge", "delete", "export"}
	}
	sight := map[string]any{"i": verbs}
	if len(l.Departments) > 0 {
		held := map[string][]string{}
		for _, v := range verbs {
			held[v] = l.Departments
		}
		sight = map[string]any{"d": held}
	}
	text, err := json.Marshal(sight)
	if err != nil {
		a.tb.Fatal(err)
	}
	all := a.As("*")
	// Identifiers and the names of verbs need no quoting.
	a.AsOwner(`CREATE OR REPLACE FUNCTION crm.sight_all() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS 'SELECT false'`)
	a.AsOwner(`CREATE OR REPLACE FUNCTION crm.sight() RETURNS jsonb LANGUAGE sql STABLE PARALLEL SAFE AS $$ SELECT '` + string(text) + `'::jsonb $$`)
	return all
}
