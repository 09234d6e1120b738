package siem

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit"
)

// record is an entry with the field names of the Elastic Common Schema.
type record struct {
	Timestamp    time.Time     `json:"@timestamp"`
	ECS          recordVersion `json:"ecs"`
	Event        recordEvent   `json:"event"`
	Organization recordID      `json:"organization"`
	User         *recordID     `json:"user,omitempty"`
	Source       *recordSource `json:"source,omitempty"`
	HTTP         *recordHTTP   `json:"http,omitempty"`
	Error        *recordError  `json:"error,omitempty"`
	Rule         *recordRule   `json:"rule,omitempty"`
	Parvis       recordOwn     `json:"parvis"`
}

type (
	recordVersion struct {
		Version string `json:"version"`
	}
	recordEvent struct {
		ID       uuid.UUID `json:"id"`
		Kind     string    `json:"kind"`
		Dataset  string    `json:"dataset"`
		Module   string    `json:"module"`
		Category []string  `json:"category"`
		Type     []string  `json:"type"`
		Action   string    `json:"action"`
		Outcome  string    `json:"outcome"`
		Sequence int64     `json:"sequence,omitempty"`
	}
	recordID struct {
		ID string `json:"id"`
	}
	recordSource struct {
		IP string `json:"ip"`
	}
	recordHTTP struct {
		Request  *recordID     `json:"request,omitempty"`
		Response *recordStatus `json:"response,omitempty"`
	}
	recordStatus struct {
		StatusCode int32 `json:"status_code"`
	}
	recordError struct {
		Code string `json:"code"`
	}
	recordRule struct {
		Name string `json:"name"`
	}
	recordOwn struct {
		Kind         string      `json:"kind"`
		Log          string      `json:"log"`
		Position     string      `json:"position"`
		ActorKind    string      `json:"actor_kind,omitempty"`
		Proven       bool        `json:"proven"`
		Operation    string      `json:"operation,omitempty"`
		Purpose      string      `json:"purpose,omitempty"`
		SubjectKind  string      `json:"subject_kind,omitempty"`
		SubjectID    *uuid.UUID  `json:"subject_id,omitempty"`
		ContactIDs   []uuid.UUID `json:"contact_ids,omitempty"`
		ContactCount int32       `json:"contact_count,omitempty"`
		Repeated     int32       `json:"repeated"`
	}
)

const (
	// schemaVersion is that of the Elastic Common Schema whose names these are.
	schemaVersion = "8.11"
	// mostContacts of a read are named.
	mostContacts = 100
)

func recordOf(tenant uuid.UUID, e audit.Entry) record {
	r := record{
		Timestamp: e.At.UTC(), ECS: recordVersion{schemaVersion}, Organization: recordID{tenant.String()},
		Event: recordEvent{ID: e.ID, Kind: "event", Dataset: "parvis.audit", Module: "parvis", Action: e.Action, Outcome: "success"},
		Parvis: recordOwn{
			Kind: e.Kind, Log: e.Log, Position: e.Place.String(), ActorKind: e.ActorKind, Proven: e.Proven, Operation: e.Operation, Purpose: e.Purpose,
			SubjectKind: e.SubjectKind, SubjectID: e.SubjectID, Repeated: e.Repeated,
		},
	}
	r.Event.Category, r.Event.Type = classified(e)
	if e.Failed {
		r.Event.Outcome = "failure"
	}
	if e.Log == "events" {
		r.Event.Sequence = e.Place.Event
	}
	if e.ActorID != "" {
		r.User = &recordID{e.ActorID}
	}
	if e.Address != "" {
		r.Source = &recordSource{e.Address}
	}
	if e.RequestID != "" || e.Status != 0 {
		r.HTTP = &recordHTTP{}
		if e.RequestID != "" {
			r.HTTP.Request = &recordID{e.RequestID}
		}
		if e.Status != 0 {
			r.HTTP.Response = &recordStatus{int32(e.Status)}
		}
	}
	if e.Code != "" {
		r.Error = &recordError{e.Code}
	}
	if e.Rule != "" {
		r.Rule = &recordRule{e.Rule}
	}
	if len(e.Subjects) > 0 {
		r.Parvis.ContactIDs, r.Parvis.ContactCount = e.Subjects[:min(len(e.Subjects), mostContacts)], int32(len(e.Subjects))
	}
	return r
}

// classified are the category and type that the schema allows.
func classified(e audit.Entry) (category, kind []string) {
	switch e.Kind {
	case audit.KindSignIn:
		switch {
		case strings.HasSuffix(e.Action, ".started"):
			return []string{"authentication"}, []string{"start"}
		case strings.HasSuffix(e.Action, ".ended"):
			return []string{"authentication"}, []string{"end"}
		case e.Failed:
			return []string{"authentication"}, []string{"denied"}
		}
		return []string{"authentication"}, []string{"info"}
	case audit.KindRefusal:
		if e.Status == 401 {
			return []string{"authentication"}, []string{"denied"}
		}
		return []string{"api"}, []string{"denied"}
	case audit.KindRead:
		return []string{"api"}, []string{"access"}
	case audit.KindRights:
		return []string{"iam"}, []string{changed(e.Action)}
	case audit.KindConfiguration:
		return []string{"configuration"}, []string{changed(e.Action)}
	case audit.KindExport:
		return []string{"api"}, []string{"info"}
	}
	return []string{"api"}, []string{changed(e.Action)}
}

func changed(action string) string {
	switch action[strings.LastIndexByte(action, '.')+1:] {
	case "created", "added", "recorded", "received", "issued":
		return "creation"
	case "deleted", "removed", "revoked":
		return "deletion"
	}
	return "change"
}

// line is a record as JSON in ASCII, which needs no agreement about encodings.
func line(r record) ([]byte, error) {
	raw, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	out := make([]byte, 0, len(raw))
	for _, c := range string(raw) {
		switch high, low := utf16.EncodeRune(c); {
		case c < utf8.RuneSelf:
			out = append(out, byte(c))
		case high != utf8.RuneError:
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
	}
	return out, nil
}
