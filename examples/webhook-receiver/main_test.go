// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
)

func TestOnlySignedEventsArePrintedAndOnce(t *testing.T) {
	t.Parallel()
	const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	file := filepath.Join(t.TempDir(), "webhook.secret")
	var out bytes.Buffer
	rc := newReceiver(file, &out, false)
	signer, err := standardwebhooks.NewWebhook(secret)
	require.NoError(t, err)
	send := func(id, body, sent string) int {
		now := time.Now()
		signature, err := signer.Sign(id, now, []byte(body))
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(sent))
		r.Header.Set("webhook-id", id)
		r.Header.Set("webhook-timestamp", strconv.FormatInt(now.Unix(), 10))
		r.Header.Set("webhook-signature", signature)
		w := httptest.NewRecorder()
		rc.ServeHTTP(w, r)
		return w.Code
	}
	event := `{"id":"a","type":"contact.created","timestamp":"2026-11-23T10:15:00Z","sequence":7,"data":{"object":"contact","id":"c","version":1}}`
	require.Equal(t, http.StatusServiceUnavailable, send("a", event, event), "without a secret nothing is believed")
	require.Equal(t, http.StatusNoContent, send("v", `{"type":"webhook_endpoint.verification"}`, `{"type":"webhook_endpoint.verification"}`))
	require.NoError(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	require.Equal(t, http.StatusNoContent, send("a", event, event))
	require.Equal(t, http.StatusNoContent, send("a", event, event))
	require.Equal(t, http.StatusUnauthorized, send("b", event, strings.Replace(event, "created", "erased", 1)))
	require.Equal(t, 1, strings.Count(out.String(), "#7 contact.created contact c v1"), out.String())
	require.NotContains(t, out.String(), "erased")
}
