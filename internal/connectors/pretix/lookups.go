package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

// rate is that of a tax rule of an event, remembered: positions of old versions
// name the rule only.
func (s *session) rate(ctx context.Context, event string, rule *int64) (*int32, error) {
	if rule == nil {
		return nil, nil
	}
	known, ok := s.rates[event]
	if !ok {
		known = map[int64]*int32{}
		_, err := s.walk(ctx, s.path("events", event, "taxrules"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
			for _, raw := range results {
				r, err := port.Decode[struct {
					ID   int64   `json:"id"`
					Rate *string `json:"rate"`
				}](raw)
				if err != nil {
					return err
				}
				known[r.ID] = basisPoints(r.Rate)
			}
			return nil
		})
		if err != nil && !errors.Is(err, port.ErrGone) && !errors.Is(err, port.ErrRefused) {
			return nil, err
		}
		s.rates[event] = known
	}
	return known[*rule], nil
}

// channel is where an order was sold: what the settings say of the channel's
// code, else what the code means, else what type pretix says it has.
func (s *session) channel(ctx context.Context, code *string) (*port.Channel, error) {
	if text(code) == "" {
		return nil, nil
	}
	kind := s.set.Channels[*code]
	if kind == "" {
		kind = channelKind(*code)
	}
	if kind == "" {
		types, err := s.channelTypes(ctx)
		if err != nil {
			return nil, err
		}
		if kind = channelKind(types[*code]); kind == "" {
			kind = "other"
		}
	}
	return &port.Channel{Kind: kind, Code: port.Clip(*code, 80)}, nil
}

// channelKind is what a code or a type of pretix' own means; empty: nothing.
func channelKind(code string) string {
	switch {
	case code == "web":
		return "web"
	case code == "pretixpos":
		return "box_office"
	case strings.Contains(code, "reseller"):
		return "reseller"
	}
	return ""
}

// channelTypes gives the type of each sales channel, remembered. The list takes a
// wide permission, which few tokens have.
func (s *session) channelTypes(ctx context.Context) (map[string]string, error) {
	if s.channels != nil {
		return s.channels, nil
	}
	known := map[string]string{}
	_, err := s.walk(ctx, s.path("saleschannels"), url.Values{"page_size": {"50"}}, func(results []json.RawMessage) error {
		for _, raw := range results {
			c, err := port.Decode[struct {
				Identifier string `json:"identifier"`
				Type       string `json:"type"`
			}](raw)
			if err != nil {
				return err
			}
			known[c.Identifier] = c.Type
		}
		return nil
	})
	if err != nil && !errors.Is(err, port.ErrGone) && !errors.Is(err, port.ErrRefused) {
		return nil, err
	}
	s.channels = known
	return known, nil
}
