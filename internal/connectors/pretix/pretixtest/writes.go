package pretixtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// write answers what changes something, under the lock. A key against
// repetition gives the first answer again (409, 429, 500 and 503 are not kept).
func (s *Server) write(w http.ResponseWriter, r *http.Request, address string, request Request) {
	key := r.Header.Get("X-Idempotency-Key")
	if kept, ok := s.keys[key]; ok && key != "" {
		reply(w, kept["status"].(int), kept["body"])
		return
	}
	status, body := s.change(r.Method, address, request.Body)
	if key != "" && status != http.StatusConflict && status < 500 {
		s.keys[key] = M{"status": status, "body": body}
	}
	reply(w, status, body)
}

// change does what was asked for.
func (s *Server) change(method, address string, body M) (int, any) {
	parts := strings.Split(address, "/")
	switch {
	case method == http.MethodPost && address == "customers":
		return s.makeCustomer(body)
	case method == http.MethodPatch && len(parts) == 2 && parts[0] == "customers":
		return s.changeCustomer(parts[1], body)
	case method == http.MethodPost && len(parts) == 3 && parts[0] == "customers" && parts[2] == "anonymize":
		return s.changeCustomer(parts[1], M{"email": nil, "phone": nil, "name": "", "name_parts": M{}, "is_active": false, "is_verified": false})
	case method == http.MethodPost && len(parts) == 3 && parts[2] == "vouchers":
		return s.makeVoucher(address, body)
	case method == http.MethodPost && (address == "memberships" || address == "webhooks"):
		s.nextID++
		body["id"] = s.nextID
		s.lists[address] = append(s.lists[address], body)
		return http.StatusCreated, body
	case method == http.MethodPatch && len(parts) == 2 && parts[0] == "webhooks":
		hook := s.find("webhooks", parts[1])
		if hook == nil {
			return http.StatusNotFound, M{"detail": "Not found."}
		}
		with(hook, body)
		return http.StatusOK, hook
	case method == http.MethodPost && len(parts) == 3 && parts[0] == "giftcards" && parts[2] == "transact":
		return s.transact(parts[1], body)
	}
	return http.StatusMethodNotAllowed, M{"detail": fmt.Sprintf("Method %q not allowed.", method)}
}

// makeVoucher makes a code as pretix does: it takes no member that it does not
// know, a code once, and a value with each price mode but "none".
func (s *Server) makeVoucher(address string, body M) (int, any) {
	refused := M{}
	for name, value := range body {
		if _, known := Voucher(0, "", nil)[name]; !known || name == "id" || name == "redeemed" || name == "created" || name == "budget_used" {
			refused[name] = []string{"Unknown or read only."}
		} else if text, is := value.(string); is && name == "tag" && len(text) > 255 {
			refused[name] = []string{"Ensure this field has no more than 255 characters."}
		}
	}
	code := fmt.Sprint(body["code"])
	if body["code"] == nil {
		code = fmt.Sprintf("V%09d", s.nextID+1)
	}
	for _, v := range s.lists[address] {
		if strings.EqualFold(fmt.Sprint(v["code"]), code) {
			refused["code"] = []string{"A voucher with this code already exists."}
		}
	}
	switch mode := body["price_mode"]; mode {
	case nil, "none":
	case "set", "subtract", "percent":
		if body["value"] == nil {
			refused["value"] = []string{"This field is required."}
		}
	default:
		refused["price_mode"] = []string{fmt.Sprintf("%q is not a valid choice.", mode)}
	}
	if len(refused) > 0 {
		return http.StatusBadRequest, refused
	}
	s.nextID++
	v := Voucher(int(s.nextID), code, body)
	v["code"], v["created"] = code, s.now().Format(time.RFC3339Nano)
	s.lists[address] = append(s.lists[address], v)
	return http.StatusCreated, v
}

func (s *Server) makeCustomer(body M) (int, any) {
	for _, c := range s.lists["customers"] {
		if strings.EqualFold(fmt.Sprint(c["email"]), fmt.Sprint(body["email"])) {
			return http.StatusBadRequest, M{"email": []string{"An account with this email address is already registered."}}
		}
	}
	s.nextID++
	c := Customer(fmt.Sprintf("C%d", s.nextID), "", "", "", s.now(), body)
	s.lists["customers"] = append(s.lists["customers"], c)
	return http.StatusCreated, c
}

func (s *Server) changeCustomer(identifier string, body M) (int, any) {
	c := s.find("customers", identifier)
	if c == nil {
		return http.StatusNotFound, M{"detail": "Not found."}
	}
	with(c, body)
	c["last_modified"] = s.now().Format(time.RFC3339Nano)
	return http.StatusOK, c
}

func (s *Server) transact(id string, body M) (int, any) {
	card := s.find("giftcards", id)
	if card == nil {
		return http.StatusNotFound, M{"detail": "Not found."}
	}
	var held, change float64
	_, _ = fmt.Sscan(fmt.Sprint(card["value"]), &held)
	_, _ = fmt.Sscan(fmt.Sprint(body["value"]), &change)
	if held+change < 0 {
		return http.StatusConflict, M{"value": []string{"The gift card does not have sufficient credit for this operation."}}
	}
	card["value"] = fmt.Sprintf("%.2f", held+change)
	s.nextID++
	ledger := "giftcards/" + id + "/transactions"
	s.lists[ledger] = append(s.lists[ledger], M{"id": s.nextID, "datetime": s.now().Format(time.RFC3339Nano), "value": fmt.Sprintf("%.2f", change), "event": nil, "order": nil, "text": body["text"], "acceptor": s.Organizer})
	return http.StatusOK, card
}
