package siem

import (
	"bytes"
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/egress"
)

// statusError is an answer that is not a 2xx.
type statusError int

func (e statusError) Error() string { return "siem: the receiver answered " + strconv.Itoa(int(e)) }

// overHTTPS posts batches as lines of JSON. A batch counts as taken with a 2xx.
type overHTTPS struct {
	client    *egress.Client
	to        *url.URL
	token     string
	forwarder uuid.UUID
}

func (s overHTTPS) send(ctx context.Context, tenant uuid.UUID, entries []audit.Entry) (bool, error) {
	var body bytes.Buffer
	for _, e := range entries {
		text, err := line(recordOf(tenant, e))
		if err != nil {
			return false, err
		}
		body.Write(append(text, '\n'))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.to.String(), &body)
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("User-Agent", "Parvis-SIEM/1 (+https://github.com/parvis-crm/parvis)")
	// The same batch has the same name, so that a receiver may tell that it comes again.
	request.Header.Set("Idempotency-Key", s.forwarder.String()+":"+entries[0].Place.String()+":"+entries[len(entries)-1].Place.String())
	if s.token != "" {
		request.Header.Set("Authorization", "Bearer "+s.token)
	}
	response, err := s.client.HTTP().Do(request)
	if err != nil {
		return false, err
	}
	if _, _, err := egress.ReadBody(response, egress.WebhookBodyLimit); err != nil {
		return false, err
	}
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return false, statusError(response.StatusCode)
	}
	return true, nil
}
