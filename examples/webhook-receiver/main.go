// SPDX-License-Identifier: Apache-2.0

// Command webhook-receiver receives the events of a Parvis installation,
// verifies them with the public Standard Webhooks library, and prints one line
// an event. It uses no code of Parvis: copy it as the start of your own.
//
//	go run ./examples/webhook-receiver -addr 127.0.0.1:9099 -secret-file webhook.secret
//
// The file holds the secret (whsec_…) that creating the endpoint answered with,
// or that rotating its keys did. It is read anew when it changes, so that the
// receiver may run before the endpoint exists: until there is a secret, the
// verification of the address is answered and every other event is refused,
// and Parvis sends it again.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	// maxBody is more than any event has.
	maxBody = 1 << 20
	// remembered ids of events, by which repetitions are recognised. A receiver
	// of your own keeps them in its database, with what it does about them.
	remembered = 10_000

	verification = "webhook_endpoint.verification"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:9099", "address to listen on, host:port")
	secretFile := flag.String("secret-file", "", "file with the endpoint's secret (whsec_…); required")
	full := flag.Bool("full", false, "print the whole event instead of one line")
	flag.Parse()
	if *secretFile == "" {
		fmt.Fprintln(os.Stderr, "webhook-receiver: -secret-file is required")
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	server := &http.Server{Addr: *addr, Handler: newReceiver(*secretFile, os.Stdout, *full), ReadHeaderTimeout: 10 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close()
	}()
	fmt.Printf("Waiting for events on http://%s\n", *addr)
	err := server.ListenAndServe()
	stop()
	if !errors.Is(err, http.ErrServerClosed) {
		log.Fatal("webhook-receiver: ", err)
	}
}

// receiver answers the requests of one webhook endpoint.
type receiver struct {
	secretFile string
	out        io.Writer
	full       bool

	mu    sync.Mutex
	seen  map[string]bool
	order []string
}

func newReceiver(secretFile string, out io.Writer, full bool) *receiver {
	return &receiver{secretFile: secretFile, out: out, full: full, seen: map[string]bool{}}
}

// event is what this receiver looks at of an event.
type event struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	Timestamp string `json:"timestamp"`
	Sequence  int64  `json:"sequence"`
	Test      bool   `json:"test"`
	Data      struct {
		Object  string `json:"object"`
		ID      string `json:"id"`
		Version int64  `json:"version"`
	} `json:"data"`
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		http.Error(w, "events come by POST", http.StatusMethodNotAllowed)
		return
	}
	// The signature is over these very bytes: verify before decoding.
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, "the body is too large", http.StatusRequestEntityTooLarge)
		return
	}
	var e event
	readable := json.Unmarshal(body, &e) == nil
	verifier, err := rc.verifier()
	if err != nil {
		if readable && e.Type == verification {
			rc.printf("- no secret yet; the address is confirmed: %s\n", e.Type)
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Error(w, "no secret yet", http.StatusServiceUnavailable)
		return
	}
	if err := verifier.Verify(body, r.Header); err != nil {
		rc.printf("! refused: %v\n", err)
		http.Error(w, "the signature does not match", http.StatusUnauthorized)
		return
	}
	if !readable {
		http.Error(w, "not an event", http.StatusBadRequest)
		return
	}
	// Parvis delivers at least once: the same id may come again.
	if rc.first(r.Header.Get("webhook-id")) {
		rc.tell(e, body)
	}
	w.WriteHeader(http.StatusNoContent)
}

// verifier is made from the secret as it is in the file now.
func (rc *receiver) verifier() (*standardwebhooks.Webhook, error) {
	text, err := os.ReadFile(rc.secretFile)
	if err != nil {
		return nil, err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" {
		return nil, errors.New("the secret is empty")
	}
	return standardwebhooks.NewWebhook(secret)
}

// first reports whether an id has not been seen, and remembers it.
func (rc *receiver) first(id string) bool {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.seen[id] {
		return false
	}
	rc.seen[id] = true
	rc.order = append(rc.order, id)
	if len(rc.order) > remembered {
		delete(rc.seen, rc.order[0])
		rc.order = rc.order[1:]
	}
	return true
}

func (rc *receiver) tell(e event, body []byte) {
	if rc.full {
		rc.printf("%s\n", body)
		return
	}
	mark := ""
	if e.Test {
		mark = " (test)"
	}
	rc.printf("%s #%d %s %s %s v%d%s\n", e.Timestamp, e.Sequence, e.Type, e.Data.Object, e.Data.ID, e.Data.Version, mark)
}

func (rc *receiver) printf(format string, args ...any) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	_, _ = fmt.Fprintf(rc.out, format, args...)
}
