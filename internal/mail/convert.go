package mail

import (
	"encoding/json"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/web"
)

func toAPI(m Mail) api.CapturedMail {
	out := api.CapturedMail{
		ID: m.ID, Object: api.CapturedMailObjectCapturedMail, To: m.Recipient, Subject: m.Subject, Text: web.Nullable(m.BodyText), HTML: web.Nullable(m.BodyHtml),
		Headers: map[string]string{}, MessageID: m.MessageID, CreatedAt: m.CreatedAt,
	}
	_ = json.Unmarshal(m.Headers, &out.Headers) // written by us as an object of texts
	return out
}
