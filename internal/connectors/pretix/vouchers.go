package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// voucher is a code of an event. It has no time of change, and pretix tells of no
// use of it.
type voucher struct {
	ID         int64      `json:"id"`
	Created    *time.Time `json:"created"`
	Code       string     `json:"code"`
	MaxUsages  int32      `json:"max_usages"`
	Redeemed   int32      `json:"redeemed"`
	ValidUntil *time.Time `json:"valid_until"`
	PriceMode  string     `json:"price_mode"`
	Value      *string    `json:"value"`
	Subevent   *int64     `json:"subevent"`
	Tag        string     `json:"tag"`
}

// voucherName is the name of a code: its number is one of the whole pretix, but it
// is only found below its event.
func voucherName(event string, id int64) string { return event + "/" + strconv.FormatInt(id, 10) }

// readVouchers reads all codes of all events, since their list knows no time of
// change. To see them takes a permission of its own, which a token may lack: then
// there are none.
func (s *session) readVouchers(ctx context.Context, _ port.Since, yield func(port.Page) error) (port.Mark, error) {
	var slugs []string
	generated, err := s.walk(ctx, s.path("events"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		for _, raw := range results {
			e, err := port.Decode[event](raw)
			if err != nil {
				return err
			}
			if s.events[e.Slug] = e; s.reads(e.Slug) {
				slugs = append(slugs, e.Slug)
			}
		}
		return nil
	})
	if err != nil {
		return port.Mark{}, err
	}
	for _, slug := range slugs {
		_, err := s.walk(ctx, s.path("events", slug, "vouchers"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
			records := make([]port.Record, 0, len(results))
			for _, raw := range results {
				v, err := port.Decode[voucher](raw)
				if err != nil {
					return err
				}
				records = append(records, voucherRecord(slug, v))
			}
			return yield(port.Page{Records: records})
		})
		if err != nil && !errors.Is(err, port.ErrRefused) && !errors.Is(err, port.ErrGone) {
			return port.Mark{}, err
		}
	}
	return port.Mark{At: generated}, nil
}

func voucherRecord(event string, v voucher) port.Record {
	d := port.VoucherData{Code: port.Clip(v.Code, 120), Kind: "discount", Campaign: port.Clip(v.Tag, 120), MaxUses: &v.MaxUsages, Uses: &v.Redeemed, ValidUntil: v.ValidUntil, IssuedAt: v.Created}
	if v.free() {
		d.Kind = "invitation"
	}
	if v.Subevent != nil {
		d.Performance = fmt.Sprintf("%s/%d", event, *v.Subevent)
	}
	return port.Record{Kind: port.Voucher, ExternalID: voucherName(event, v.ID), Data: d}
}

// free reports whether nothing is paid with the code.
func (v voucher) free() bool {
	value, err := strconv.ParseFloat(text(v.Value), 64)
	return err == nil && (v.PriceMode == "set" && value == 0 || v.PriceMode == "percent" && value >= 100)
}

func (s *session) fetchVoucher(ctx context.Context, event, id string) ([]port.Record, error) {
	if s.blind {
		return nil, port.ErrUnsupported
	}
	a, err := s.client.Get(ctx, s.path("events", event, "vouchers", id), nil)
	if errors.Is(err, port.ErrRefused) {
		s.blind = true // the token may see orders and no codes
		return nil, port.ErrUnsupported
	}
	if err != nil {
		return nil, err
	}
	var v voucher
	if err := a.Object(&v, func() bool { return v.ID != 0 }); err != nil {
		return nil, err
	}
	return []port.Record{voucherRecord(event, v)}, nil
}
