package pretix

import (
	"context"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

type giftCard struct {
	ID          int64      `json:"id"`
	Secret      string     `json:"secret"`
	Value       string     `json:"value"`
	Currency    string     `json:"currency"`
	TestMode    bool       `json:"testmode"`
	Expires     *time.Time `json:"expires"`
	OwnerTicket *int64     `json:"owner_ticket"`
	Customer    *string    `json:"customer"`
}

// state is what tells that a card has changed.
func (g giftCard) state() string {
	out := g.Value
	if g.Expires != nil {
		out += " " + g.Expires.Format(time.RFC3339)
	}
	return out
}

type giftCardTransaction struct {
	ID       int64      `json:"id"`
	DateTime *time.Time `json:"datetime"`
	Value    string     `json:"value"`
	Event    *string    `json:"event"`
	Order    *string    `json:"order"`
}

// mostToken bounds what is remembered of cards; beyond it all are read again.
const mostToken = 900_000

// readGiftCards reads all cards and the ledgers of those that have changed since
// the last time, which the token tells.
func (s *session) readGiftCards(ctx context.Context, since port.Since, yield func(port.Page) error) (port.Mark, error) {
	known := map[string]string{}
	_ = json.Unmarshal([]byte(since.Token), &known) // nothing, or what was written here
	now := map[string]string{}
	generated, err := s.walk(ctx, s.path("giftcards"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		var records []port.Record
		for _, raw := range results {
			g, err := port.Decode[giftCard](raw)
			if err != nil {
				return err
			}
			id := strconv.FormatInt(g.ID, 10)
			now[id] = g.state()
			if known[id] == now[id] {
				continue
			}
			r, err := s.giftCardRecord(ctx, g)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return yield(port.Page{Records: records})
	})
	if err != nil {
		return port.Mark{}, err
	}
	token, err := json.Marshal(now)
	if err != nil || len(token) > mostToken {
		token = nil
	}
	return port.Mark{At: generated, Token: string(token)}, err
}

func (s *session) giftCardRecord(ctx context.Context, g giftCard) (port.Record, error) {
	d := port.GiftCardData{Code: g.Secret, Currency: g.Currency, Balance: g.Value, ExpiresAt: g.Expires, Customer: text(g.Customer), Test: g.TestMode}
	if n := len(g.Secret); n >= 8 {
		d.LastFour = g.Secret[n-4:]
	}
	if g.OwnerTicket != nil {
		d.Ticket = strconv.FormatInt(*g.OwnerTicket, 10)
	}
	id := strconv.FormatInt(g.ID, 10)
	_, err := s.walk(ctx, s.path("giftcards", id, "transactions"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		for _, raw := range results {
			t, err := port.Decode[giftCardTransaction](raw)
			if err != nil {
				return err
			}
			n := port.GiftCardTransaction{ExternalID: strconv.FormatInt(t.ID, 10), Amount: t.Value, At: t.DateTime}
			if event, code := text(t.Event), text(t.Order); event != "" && code != "" {
				n.Order = event + "/" + code // without its event a code names nothing
			}
			d.Transactions = append(d.Transactions, n)
		}
		return nil
	})
	return port.Record{Kind: port.GiftCard, ExternalID: id, Data: d}, err
}

func (s *session) fetchGiftCard(ctx context.Context, id string) ([]port.Record, error) {
	a, err := s.client.Get(ctx, s.path("giftcards", id), nil)
	if err != nil {
		return nil, err
	}
	var g giftCard
	if err := a.Object(&g, func() bool { return g.ID != 0 }); err != nil {
		return nil, err
	}
	r, err := s.giftCardRecord(ctx, g)
	return []port.Record{r}, err
}
