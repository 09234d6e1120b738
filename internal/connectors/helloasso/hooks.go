package helloasso

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strconv"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// notice is a call of HelloAsso. It holds the whole object; only what names it is
// read.
type notice struct {
	EventType string `json:"eventType"`
	Data      struct {
		ID           int64  `json:"id"`
		Organization string `json:"organizationSlug"`
		Order        struct {
			ID           int64  `json:"id"`
			Organization string `json:"organizationSlug"`
		} `json:"order"`
	} `json:"data"`
}

// VerifyHook implements port.Session. Where there is a key, a call is signed with
// it: HMAC-SHA256 of the body as it came, in hexadecimal. Else what protects is
// the address. Deliveries have no name.
func (s *session) VerifyHook(h port.Hook) (string, error) {
	key := s.c.Secrets["signature_key"]
	if key == "" {
		return "", nil
	}
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write(h.Body)
	given, err := hex.DecodeString(h.Header.Get("X-Ha-Signature"))
	if err != nil || !hmac.Equal(given, mac.Sum(nil)) {
		return "", port.ErrForged
	}
	return "", nil
}

// ReadHook implements port.Session.
func (s *session) ReadHook(h port.Hook) port.Reading {
	var n notice
	if json.Unmarshal(h.Body, &n) != nil || n.EventType == "" {
		return port.Reading{Note: "no notification of HelloAsso", Ignored: true}
	}
	organization := n.Data.Organization + n.Data.Order.Organization
	if organization != "" && organization != s.set.Organization {
		return port.Reading{Note: "of another association", Ignored: true}
	}
	r := port.Reading{Note: port.Clip(n.EventType, 40), Streams: []string{orders}}
	switch n.EventType {
	case "Order":
		r.Changed = named(n.Data.ID)
	case "Payment":
		r.Changed = named(n.Data.Order.ID)
	case "Form":
		r.Streams = []string{catalogue}
	case "Organization":
		return port.Reading{Note: n.EventType, Ignored: true}
	}
	return r
}

func named(id int64) []port.Ref {
	if id == 0 {
		return nil
	}
	return []port.Ref{{Kind: port.Order, ExternalID: strconv.FormatInt(id, 10)}}
}
