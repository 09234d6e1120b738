package events

import "github.com/google/uuid"

// subjectPath is the collection in which the present state of a subject is
// read; empty for subjects without an address of their own.
func subjectPath(kind string) string {
	switch kind {
	case "contact", "tag", "consent", "purpose", "operation", "form", "user", "department":
		return "/v1/" + kind + "s/"
	case "order":
		return "/v1/ticketing/orders/"
	case "performance":
		return "/v1/ticketing/performances/"
	case "price_type":
		return "/v1/ticketing/price-types/"
	case "production":
		return "/v1/ticketing/productions/"
	case "venue", "product", "membership", "scan", "voucher":
		return "/v1/ticketing/" + kind + "s/"
	case "gift_card":
		return "/v1/ticketing/gift-cards/"
	case "group_booking":
		return "/v1/ticketing/group-bookings/"
	case "sibil_submission":
		return "/v1/statutory/sibil/submissions/"
	case "ticketing_review":
		return "/v1/ticketing/reviews/"
	case "ticketing_source":
		return "/v1/ticketing/sources/"
	case "form_submission":
		return "/v1/form-submissions/"
	case "webhook_endpoint":
		return "/v1/webhook-endpoints/"
	case "siem_forwarder":
		return "/v1/audit/forwarders/"
	case "api_key":
		return "/v1/api-keys/"
	case "conformance_run":
		return "/v1/conformance-runs/"
	case "oauth_client":
		return "/v1/oauth-clients/"
	}
	return ""
}

func subjectURL(kind string, id uuid.UUID) string {
	if path := subjectPath(kind); path != "" {
		return path + id.String()
	}
	return ""
}
