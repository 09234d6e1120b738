package audit

import "strings"

// The kinds of entries that an auditor asks for.
const (
	KindSignIn        = "sign_in"
	KindRefusal       = "refusal"
	KindRights        = "rights"
	KindExport        = "export"
	KindConfiguration = "configuration"
	KindRead          = "read"
	KindData          = "data" // all other changes
)

// administrative says by the beginnings of their types which events are of which
// kind. Those of no kind are changes of data.
func administrative() map[string][]string {
	return map[string][]string{
		KindSignIn: {"session.", "sign_in.", "second_factor.recovery_code_used"},
		KindRights: {
			"user.", "department.", "team.", "role.", "role_assignment.", "access_request.", "access_review.", "elevation.", "api_key.", "oauth_client.",
			"account.", "password.", "second_factor.enrolled", "second_factor.removed", "second_factor.codes_renewed", "scim_", "identity_provider.",
		},
		KindExport: {"export.", "import."},
		KindConfiguration: {
			"tenant.", "quota.", "purpose.", "processing_activity.", "read_policy.", "audit_", "encryption.", "sign_in_policy.", "webhook_endpoint.",
			"form.", "ticketing.source.", "siem_",
		},
	}
}

// kindOf is the kind of an event.
func kindOf(eventType string) string {
	for kind, beginnings := range administrative() {
		for _, b := range beginnings {
			if strings.HasPrefix(eventType, b) {
				return kind
			}
		}
	}
	return KindData
}

// failures are the events that tell of something that did not succeed.
func failed(eventType string) bool {
	switch eventType {
	case "sign_in.failed", "sign_in.locked", "session.token_reused":
		return true
	}
	return false
}

// patterns are the LIKE patterns by which events of these kinds are found: of
// types that they have, and not of types that the others have.
func patterns(kinds []string) (these, others []string) {
	data := len(kinds) == 0
	asked := map[string]bool{}
	for _, k := range kinds {
		asked[k] = true
		data = data || k == KindData
	}
	these, others = []string{}, []string{}
	if len(kinds) == 0 {
		return these, others
	}
	for kind, beginnings := range administrative() {
		for _, b := range beginnings {
			p := strings.ReplaceAll(b, "_", `\_`) + "%"
			switch {
			case data && !asked[kind]:
				others = append(others, p)
			case !data && asked[kind]:
				these = append(these, p)
			}
		}
	}
	return these, others
}
