package pretix

import (
	"context"
	"encoding/json"
	"net/url"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type customer struct {
	Identifier   string     `json:"identifier"`
	Email        *string    `json:"email"`
	Phone        *string    `json:"phone"`
	Name         *string    `json:"name"`
	NameParts    nameParts  `json:"name_parts"`
	IsActive     *bool      `json:"is_active"`
	IsVerified   bool       `json:"is_verified"`
	Locale       *string    `json:"locale"`
	LastModified *time.Time `json:"last_modified"`
}

// readCustomers reads all of them: the list knows no filter by time, so those
// that have not changed since are left out here.
func (s *session) readCustomers(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	generated, err := s.walk(ctx, s.path("customers"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			c, err := port.Decode[customer](raw)
			if err != nil {
				return err
			}
			if c.LastModified != nil && c.LastModified.Before(since.At) {
				continue
			}
			records = append(records, customerRecord(c))
		}
		return yield(port.Page{Records: records})
	})
	return port.Mark{At: generated}, err
}

func (s *session) fetchCustomer(ctx context.Context, identifier string) ([]port.Record, error) {
	a, err := s.client.Get(ctx, s.path("customers", identifier), nil)
	if err != nil {
		return nil, err
	}
	var c customer
	if err := a.Object(&c, func() bool { return c.Identifier != "" }); err != nil {
		return nil, err
	}
	return []port.Record{customerRecord(c)}, nil
}

func customerRecord(c customer) port.Record {
	p := port.Person{Email: port.Clip(text(c.Email), 320), EmailVerified: c.IsVerified, Phone: port.Clip(text(c.Phone), 60), Locale: port.Clip(text(c.Locale), 35)}
	p.GivenName, p.FamilyName, p.Name = names(c.NameParts, text(c.Name))
	r := port.Record{Kind: port.Customer, ExternalID: c.Identifier, ModifiedAt: c.LastModified, Data: p}
	// An account that was anonymised stays, without anything that says who it was.
	if p.Empty() {
		r.Delete, r.Data = true, nil
	}
	return r
}
