package webhooks

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/webhooks/internal/webhooksdb"
	"github.com/parvis-crm/parvis/internal/webhooks/signature"
)

// keptBody is how much of an answer is kept, in bytes.
const keptBody = 1024

const userAgent = "Parvis-Webhooks/1 (+https://github.com/parvis-crm/parvis)"

// HeaderControl is the response header by which a receiver says more than a
// status can: "abort-message" ends the delivery, "disable" the endpoint.
const HeaderControl = "webhook-delivery"

// result is what came of one attempt.
type result struct {
	delivery     webhooksdb.ListDueRow
	verification uuid.UUID // of the endpoint, when the attempt was made

	attempt    Attempt
	succeeded  bool
	throttled  bool // leave the receiver alone for a while
	retryAfter time.Duration
	abort      bool   // no further attempt of this delivery
	rate       *int32 // what a handshake granted; nil: no limit
	disable    string // why the endpoint is to be disabled, or empty
}

// deliver makes one attempt and hands its result to the recorder.
func (l *lane) deliver(ctx context.Context, d webhooksdb.ListDueRow) {
	r, ok := l.attempt(ctx, d)
	<-l.slots
	if !ok {
		l.forget([]webhooksdb.ListDueRow{d})
		l.wake()
		return
	}
	l.d.recorder.add(ctx, l, r)
}

// attempt reports false when nothing was sent: the endpoint has changed under
// it, or the process stops.
func (l *lane) attempt(ctx context.Context, d webhooksdb.ListDueRow) (result, bool) {
	r := result{delivery: d}
	c, err := l.current(ctx)
	if err != nil || !c.accepts(d) {
		return r, false
	}
	r.verification = c.endpoint.VerificationID
	m, ok := l.message(ctx, c, d)
	if !ok {
		return r, false
	}
	sees, err := l.sees(ctx, c, d)
	if err == nil && !sees {
		err = l.withhold(ctx, d)
	}
	if err != nil || !sees {
		l.d.complain(ctx, err)
		return r, false
	}
	body, media, err := l.d.s.body(ctx, c, m)
	if err != nil {
		l.d.complain(ctx, err)
		return r, false
	}
	method, handshake := http.MethodPost, c.isHandshake(d.Kind)
	if handshake {
		method, body = http.MethodOptions, nil
	}
	request, err := http.NewRequestWithContext(ctx, method, c.endpoint.URL, bytes.NewReader(body))
	if err != nil {
		return r, false
	}
	r.attempt.At = clock.System{}.Now()
	request.Header.Set("User-Agent", userAgent)
	if handshake {
		request.Header.Set(headerRequestRate, strconv.Itoa(requestRate))
	} else {
		request.Header.Set("Content-Type", media)
	}
	if c.endpoint.Verification == byOptions {
		request.Header.Set(headerRequestOrigin, l.d.s.o.Origin)
	}
	if err := signature.SetHeaders(request.Header, d.EventID.String(), r.attempt.At, body, c.keys...); err != nil {
		l.d.complain(ctx, err)
		return r, false
	}
	response, err := l.d.s.client.HTTP().Do(request)
	if err != nil {
		r.attempt.LatencyMS = time.Since(r.attempt.At).Milliseconds()
		r.attempt.Error = describe(err)
		r.throttled = r.attempt.Error == "timeout"
		return r, ctx.Err() == nil
	}
	read, _, _ := egress.ReadBody(response, egress.WebhookBodyLimit)
	r.attempt.LatencyMS = time.Since(r.attempt.At).Milliseconds()
	if handshake {
		r.judgeHandshake(response, l.d.s.o.Origin)
	} else {
		r.judge(response)
	}
	r.attempt.Body = text(read)
	return r, ctx.Err() == nil
}

// judge decides by the status. A body that cannot be read to its end is no
// matter: the status has come.
func (r *result) judge(response *http.Response) {
	status := response.StatusCode
	r.attempt.Status = status
	r.succeeded = status >= 200 && status < 300
	if control := strings.TrimSpace(response.Header.Get(HeaderControl)); strings.EqualFold(control, "disable") {
		r.disable = "receiver"
	} else if strings.EqualFold(control, "abort-message") && !r.succeeded {
		r.abort = true
	}
	switch {
	case r.succeeded:
		return
	case status >= 300 && status < 400:
		r.attempt.Error = "redirect"
	default:
		r.attempt.Error = "status"
	}
	if status == http.StatusGone {
		r.disable = "gone"
	}
	r.throttled = throttles(status)
	r.retryAfter = retryAfter(response.Header.Get("Retry-After"), clock.System{}.Now())
}

// accepts reports whether an endpoint takes a delivery as it is now.
func (c *config) accepts(d webhooksdb.ListDueRow) bool {
	if d.Kind == "verification" {
		return c.endpoint.Status != disabled && c.endpoint.VerificationID == d.EventID
	}
	return c.endpoint.Status == active
}

func (l *lane) message(ctx context.Context, c *config, d webhooksdb.ListDueRow) (message, bool) {
	if d.Sequence == 0 {
		m, err := newMessage(unlogged(c, d))
		return m, err == nil
	}
	if m, ok := l.d.s.messages.get(l.tenant, d.Sequence); ok {
		return m, true
	}
	if err := l.prefetch(ctx, []webhooksdb.ListDueRow{d}); err != nil {
		return message{}, false
	}
	return l.d.s.messages.get(l.tenant, d.Sequence)
}

// describe names why there was no answer, without what it would tell of our
// network.
func describe(err error) string {
	var refused *egress.Error
	var certificate *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var name *net.DNSError
	var network net.Error
	switch {
	case errors.As(err, &refused):
		return strings.ReplaceAll(string(refused.Code), "_", "-")
	case errors.As(err, &certificate), errors.As(err, &record):
		return "tls"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.As(err, &name):
		return "name-resolution"
	default:
		return "connection"
	}
}

// text is the beginning of a body as text that PostgreSQL can keep.
func text(body []byte) string {
	if len(body) > keptBody {
		body = body[:keptBody]
	}
	return strings.ReplaceAll(strings.ToValidUTF8(string(body), ""), "\x00", "")
}
