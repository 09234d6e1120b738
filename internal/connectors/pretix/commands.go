package pretix

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/connectors/port"
)

var _ port.Commander = (*session)(nil)

// Send implements port.Commander. The command's id is pretix' idempotency key,
// which it keeps for a day: a command that was sent and not answered is sent
// again under it, and has its effect once. So is one whose answer names nothing.
func (s *session) Send(ctx context.Context, c port.Command) (port.Result, error) {
	switch c.Kind {
	case "customer.upsert":
		return s.upsertCustomer(ctx, c)
	case "customer.anonymize":
		return s.anonymizeCustomer(ctx, c)
	case "voucher.create":
		return s.createVoucher(ctx, c)
	case "membership.grant":
		return s.grantMembership(ctx, c)
	case "giftcard.transact":
		return s.transact(ctx, c)
	}
	return port.Result{}, port.ErrUnsupported
}

// write sends a change. 409 with a key that is locked means that the same
// request is under way: it is tried again later.
func (s *session) write(ctx context.Context, c port.Command, method, address string, body any) (port.Answer, error) {
	a, err := s.client.Do(ctx, method, address, nil, body, http.Header{"X-Idempotency-Key": {c.ID}})
	if rejected, ok := errors.AsType[*port.RejectedError](err); ok {
		if a.Status == http.StatusConflict && a.Header.Get("Retry-After") != "" {
			return a, &port.UnreachableError{Status: a.Status}
		}
		rejected.Text = refusal(a.Body)
	}
	return a, err
}

// refusal names the members that pretix refuses, and never their values.
func refusal(body []byte) string {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return ""
	}
	return port.Clip("pretix refuses: "+strings.Join(slices.Sorted(maps.Keys(members)), ", "), 500)
}

func (s *session) upsertCustomer(ctx context.Context, c port.Command) (port.Result, error) {
	var in struct {
		Customer *string `json:"customer"`
		Profile  struct {
			Email      *string `json:"email"`
			Phone      *string `json:"phone"`
			GivenName  *string `json:"given_name"`
			FamilyName *string `json:"family_name"`
			Name       *string `json:"name"`
			Locale     *string `json:"locale"`
		} `json:"profile"`
	}
	if err := json.Unmarshal(c.Data, &in); err != nil {
		return port.Result{}, err
	}
	body := map[string]any{}
	set := func(name string, value *string) {
		if value != nil {
			body[name] = *value
		}
	}
	set("email", in.Profile.Email)
	set("phone", in.Profile.Phone)
	set("locale", in.Profile.Locale)
	if in.Profile.GivenName != nil || in.Profile.FamilyName != nil {
		body["name_parts"] = map[string]string{"_scheme": "given_family", "given_name": text(in.Profile.GivenName), "family_name": text(in.Profile.FamilyName)}
	} else if in.Profile.Name != nil {
		body["name_parts"] = map[string]string{"_scheme": "full", "full_name": text(in.Profile.Name)}
	}
	method, address := http.MethodPost, s.path("customers")
	if in.Customer != nil {
		method, address = http.MethodPatch, s.path("customers", *in.Customer)
	}
	a, err := s.write(ctx, c, method, address, body)
	return customerResult(a, err)
}

func customerResult(a port.Answer, err error) (port.Result, error) {
	if err != nil {
		return port.Result{}, err
	}
	var made customer
	if err := a.Object(&made, func() bool { return made.Identifier != "" }); err != nil {
		return port.Result{}, err
	}
	return port.Result{Kind: port.Customer, ExternalID: made.Identifier, Records: []port.Record{customerRecord(made)}}, nil
}

func (s *session) anonymizeCustomer(ctx context.Context, c port.Command) (port.Result, error) {
	var in struct {
		Customer string `json:"customer"`
	}
	if err := json.Unmarshal(c.Data, &in); err != nil {
		return port.Result{}, err
	}
	a, err := s.write(ctx, c, http.MethodPost, s.path("customers", in.Customer, "anonymize"), map[string]any{})
	return customerResult(a, err)
}

func (s *session) createVoucher(ctx context.Context, c port.Command) (port.Result, error) {
	var in struct {
		Performance string  `json:"performance"`
		PriceType   *string `json:"price_type"`
		Code        *string `json:"code"`
		MaxUsages   int     `json:"max_usages"`
		Percent     *string `json:"percent"`
		ValidUntil  *string `json:"valid_until"`
		Comment     *string `json:"comment"`
		Campaign    *string `json:"campaign"`
		Kind        string  `json:"kind"`
	}
	if err := json.Unmarshal(c.Data, &in); err != nil {
		return port.Result{}, err
	}
	event, sub, dated := strings.Cut(in.Performance, "/")
	body := map[string]any{"max_usages": max(in.MaxUsages, 1), "price_mode": "none"}
	if dated {
		body["subevent"], _ = strconv.ParseInt(sub, 10, 64)
	}
	if parts := strings.Split(text(in.PriceType), "/"); len(parts) >= 2 {
		body["item"], _ = strconv.ParseInt(parts[1], 10, 64)
		if len(parts) == 3 {
			body["variation"], _ = strconv.ParseInt(parts[2], 10, 64)
		}
	}
	if in.Percent != nil {
		body["price_mode"], body["value"] = "percent", *in.Percent
	}
	if in.Kind == "invitation" && in.Percent == nil {
		body["price_mode"], body["value"] = "set", "0.00"
	}
	for name, value := range map[string]*string{"code": in.Code, "valid_until": in.ValidUntil, "comment": in.Comment, "tag": in.Campaign} {
		if value != nil {
			body[name] = *value
		}
	}
	a, err := s.write(ctx, c, http.MethodPost, s.path("events", event, "vouchers"), body)
	if err != nil {
		return port.Result{}, err
	}
	var made voucher
	if err := a.Object(&made, func() bool { return made.ID != 0 }); err != nil {
		return port.Result{}, err
	}
	record := voucherRecord(event, made)
	return port.Result{Kind: port.Voucher, ExternalID: record.ExternalID, Records: []port.Record{record}}, nil
}

func (s *session) grantMembership(ctx context.Context, c port.Command) (port.Result, error) {
	var in struct {
		Customer  string       `json:"customer"`
		Product   string       `json:"product"`
		ValidFrom string       `json:"valid_from"`
		ValidTo   string       `json:"valid_to"`
		Holder    *port.Person `json:"holder"`
	}
	if err := json.Unmarshal(c.Data, &in); err != nil {
		return port.Result{}, err
	}
	kind, err := strconv.ParseInt(strings.TrimPrefix(in.Product, "type/"), 10, 64)
	if err != nil {
		return port.Result{}, &port.RejectedError{Status: http.StatusBadRequest, Text: "the product is no membership type"}
	}
	parts := map[string]string{}
	if h := in.Holder; h != nil {
		parts = map[string]string{"_scheme": "given_family", "given_name": h.GivenName, "family_name": h.FamilyName}
	}
	a, err := s.write(ctx, c, http.MethodPost, s.path("memberships"), map[string]any{
		"customer": in.Customer, "membership_type": kind, "date_start": in.ValidFrom, "date_end": in.ValidTo, "attendee_name_parts": parts, "testmode": false,
	})
	if err != nil {
		return port.Result{}, err
	}
	var made membership
	if err := a.Object(&made, func() bool { return made.ID != 0 }); err != nil {
		return port.Result{}, err
	}
	record := membershipRecord(made)
	return port.Result{Kind: port.Membership, ExternalID: record.ExternalID, Records: []port.Record{record}}, nil
}

func (s *session) transact(ctx context.Context, c port.Command) (port.Result, error) {
	var in struct {
		GiftCard string  `json:"gift_card"`
		Amount   string  `json:"amount"`
		Text     *string `json:"text"`
	}
	if err := json.Unmarshal(c.Data, &in); err != nil {
		return port.Result{}, err
	}
	a, err := s.write(ctx, c, http.MethodPost, s.path("giftcards", in.GiftCard, "transact"), map[string]any{"value": in.Amount, "text": text(in.Text)})
	if err != nil {
		return port.Result{}, err
	}
	var changed giftCard
	if err := a.Object(&changed, func() bool { return changed.ID != 0 }); err != nil {
		return port.Result{}, err
	}
	out := port.Result{Kind: port.GiftCard, ExternalID: strconv.FormatInt(changed.ID, 10)}
	// The answer has no ledger, and to a command that is sent again it is the one of
	// the first time, which may be older than what was read since: the card is read
	// with its ledger. Where that fails the money has moved all the same, and the
	// list or a call brings the card.
	if out.Records, err = s.fetchGiftCard(ctx, out.ExternalID); err != nil {
		return port.Result{Kind: out.Kind, ExternalID: out.ExternalID}, ctx.Err()
	}
	return out, nil
}
