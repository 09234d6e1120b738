package webhooks

import (
	"net/http"
	"strconv"
	"strings"
)

// How an address agrees to receive.
const (
	byEvent   = "event"
	byOptions = "options"
)

// Headers of the handshake (CloudEvents, HTTP 1.1 Web Hooks for Event Delivery
// 1.0.2, §4). The origin also goes with each delivery afterwards.
const (
	headerRequestOrigin = "WebHook-Request-Origin"
	headerRequestRate   = "WebHook-Request-Rate"
	headerAllowedOrigin = "WebHook-Allowed-Origin"
	headerAllowedRate   = "WebHook-Allowed-Rate"
)

// requestRate is what we ask for, in requests a minute: about what eight open
// requests to a quick receiver come to.
const requestRate = 6000

// maxRate is a rate that bounds nothing any more.
const maxRate = 1_000_000

// isHandshake: the delivery is the question whether the address agrees.
func (c *config) isHandshake(kind string) bool {
	return kind == "verification" && c.endpoint.Verification == byOptions
}

// judgeHandshake reads the answer to the question. A status alone is no
// consent, since many servers answer OPTIONS for other reasons (§4.2).
func (r *result) judgeHandshake(response *http.Response, origin string) {
	r.judge(response)
	if !r.succeeded {
		return
	}
	allowed := strings.TrimSpace(response.Header.Get(headerAllowedOrigin))
	rate, ok := allowedRate(response.Header.Get(headerAllowedRate))
	if (allowed != "*" && !strings.EqualFold(allowed, origin)) || !ok {
		r.succeeded, r.attempt.Error = false, "handshake"
		return
	}
	r.rate = rate
}

// allowedRate reads the permitted rate: an asterisk is no limit, nothing is what
// was asked for.
func allowedRate(value string) (*int32, bool) {
	switch value = strings.TrimSpace(value); value {
	case "*":
		return nil, true
	case "":
		rate := int32(requestRate)
		return &rate, true
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n < 1 {
		return nil, false
	}
	rate := int32(min(n, maxRate))
	return &rate, true
}
