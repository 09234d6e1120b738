package conformance

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/ids"
)

// hook is the vendor's test system, as we reach it.
type hook struct {
	client *egress.Client
	url    string
	key    ed25519.PrivateKey
	now    func() time.Time
}

const largestHookAnswer = 1 << 20

// tell says what happened and gives the names the vendor answers with. The
// message is signed as Standard Webhooks says (v1a), by the key that signs
// reports.
func (h *hook) tell(ctx context.Context, call Call) (map[string]string, error) {
	body, err := json.Marshal(call)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, h.url, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	id, at := "msg_"+ids.New().String(), strconv.FormatInt(h.now().Unix(), 10)
	signature := ed25519.Sign(h.key, []byte(id+"."+at+"."+string(body)))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("webhook-id", id)
	r.Header.Set("webhook-timestamp", at)
	r.Header.Set("webhook-signature", "v1a,"+base64.StdEncoding.EncodeToString(signature))
	w, err := h.client.HTTP().Do(r)
	if err != nil {
		return nil, fmt.Errorf("the hook could not be reached: %w", err)
	}
	raw, _, err := egress.ReadBody(w, largestHookAnswer)
	if err != nil {
		return nil, fmt.Errorf("the hook's answer could not be read: %w", err)
	}
	if w.StatusCode < 200 || w.StatusCode > 299 {
		return nil, fmt.Errorf("the hook answered %d to %s", w.StatusCode, call.Action)
	}
	var names Names
	if len(bytes.TrimSpace(raw)) > 0 {
		if err := json.Unmarshal(raw, &names); err != nil {
			return nil, fmt.Errorf("the hook's answer to %s is not what was agreed: %w", call.Action, err)
		}
	}
	return names.Names, nil
}
