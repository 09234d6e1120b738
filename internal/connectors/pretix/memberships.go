package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type membership struct {
	ID                int64      `json:"id"`
	TestMode          bool       `json:"testmode"`
	Customer          *string    `json:"customer"`
	MembershipType    *int64     `json:"membership_type"`
	DateStart         *time.Time `json:"date_start"`
	DateEnd           *time.Time `json:"date_end"`
	AttendeeNameParts nameParts  `json:"attendee_name_parts"`
	Canceled          bool       `json:"canceled"`
}

type membershipType struct {
	ID        int64        `json:"id"`
	Name      multilingual `json:"name"`
	MaxUsages *int32       `json:"max_usages"`
}

// productOf is the name of a membership type among products.
func productOf(membershipType int64) string {
	return "type/" + strconv.FormatInt(membershipType, 10)
}

// readMemberships reads all of them, since the list knows no time of change.
func (s *session) readMemberships(ctx context.Context, _ port.Since, yield func(port.Page) error) (port.Mark, error) {
	_, err := s.walk(ctx, s.path("membershiptypes"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			t, err := port.Decode[membershipType](raw)
			if err != nil {
				return err
			}
			records = append(records, port.Record{Kind: port.Product, ExternalID: productOf(t.ID), Data: port.ProductData{Name: t.Name.neutral(), Kind: "membership", UsageLimit: t.MaxUsages}})
		}
		return yield(port.Page{Records: records})
	})
	// Their names take a wide permission in pretix, which few tokens have; the
	// memberships do without.
	if err != nil && !errors.Is(err, port.ErrRefused) {
		return port.Mark{}, err
	}
	generated, err := s.walk(ctx, s.path("memberships"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			m, err := port.Decode[membership](raw)
			if err != nil {
				return err
			}
			records = append(records, membershipRecord(m))
		}
		return yield(port.Page{Records: records})
	})
	return port.Mark{At: generated}, err
}

func membershipRecord(m membership) port.Record {
	d := port.MembershipData{Kind: "membership", Customer: text(m.Customer), ValidFrom: m.DateStart, ValidTo: ends(m.DateStart, m.DateEnd), Test: m.TestMode}
	if m.MembershipType != nil {
		d.Product = productOf(*m.MembershipType)
	}
	holder := port.Person{}
	if holder.GivenName, holder.FamilyName, holder.Name = names(m.AttendeeNameParts, ""); !holder.Empty() {
		d.Holder = &holder
	}
	if m.Canceled {
		d.State = "cancelled"
	}
	return port.Record{Kind: port.Membership, ExternalID: strconv.FormatInt(m.ID, 10), Data: d}
}
