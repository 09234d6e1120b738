package browser

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/chromedp/cdproto/audits"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// violationBinding is the function through which a page tells the test about
// its securitypolicyviolation events.
const violationBinding = "__reportPolicyViolation"

const violationListener = `addEventListener("securitypolicyviolation", (event) => ` + violationBinding + `(JSON.stringify({
	directive: event.effectiveDirective, blocked: event.blockedURI, source: event.sourceFile, line: event.lineNumber, sample: event.sample,
})), true);`

// ConsoleMessage is one line of the browser's console, uncaught exceptions
// included.
type ConsoleMessage struct {
	Level string // "error", "warning", "info", "log" …
	Text  string
	URL   string
}

// Request is one request a page made. Status is 0 until the answer comes, and
// Failure says why none came.
type Request struct {
	Method, URL, Type string
	Status            int64
	Failure           string
}

// Violation is one thing the page's Content-Security-Policy refused, as the
// page's event or as the browser's own audit reported it: usually both do.
type Violation struct {
	Directive string `json:"directive"`
	Blocked   string `json:"blocked"`
	Source    string `json:"source"`
	Line      int64  `json:"line"`
	Sample    string `json:"sample"`
}

type records struct {
	mu         sync.Mutex
	console    []ConsoleMessage
	requests   []*Request
	current    map[network.RequestID]*Request
	violations []Violation
}

func newRecords() *records {
	return &records{current: map[network.RequestID]*Request{}}
}

// observe runs on the connection's goroutine and must not wait for the browser.
func (r *records) observe(event any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch event := event.(type) {
	case *network.EventRequestWillBeSent:
		request := &Request{Method: event.Request.Method, URL: event.Request.URL, Type: string(event.Type)}
		r.requests = append(r.requests, request) // a redirect comes under the same id
		r.current[event.RequestID] = request
	case *network.EventResponseReceived:
		if request := r.current[event.RequestID]; request != nil {
			request.Status = event.Response.Status
		}
	case *network.EventLoadingFailed:
		if request := r.current[event.RequestID]; request != nil {
			request.Failure = strings.TrimSpace(event.ErrorText + " " + string(event.BlockedReason))
		}
	case *runtime.EventConsoleAPICalled:
		parts := make([]string, 0, len(event.Args))
		for _, argument := range event.Args {
			parts = append(parts, describe(argument))
		}
		r.console = append(r.console, ConsoleMessage{Level: string(event.Type), Text: strings.Join(parts, " ")})
	case *runtime.EventExceptionThrown:
		r.console = append(r.console, ConsoleMessage{
			Level: "error", Text: exceptionText(event.ExceptionDetails), URL: event.ExceptionDetails.URL,
		})
	case *log.EventEntryAdded:
		r.console = append(r.console, ConsoleMessage{Level: string(event.Entry.Level), Text: event.Entry.Text, URL: event.Entry.URL})
	case *runtime.EventBindingCalled:
		if event.Name != violationBinding {
			return
		}
		violation := Violation{}
		if err := json.Unmarshal([]byte(event.Payload), &violation); err != nil {
			violation.Sample = event.Payload
		}
		r.violations = append(r.violations, violation)
	case *audits.EventIssueAdded:
		if details := event.Issue.Details; details != nil && details.ContentSecurityPolicyIssueDetails != nil {
			issue := details.ContentSecurityPolicyIssueDetails
			violation := Violation{
				Directive: issue.ViolatedDirective,
				Blocked:   issue.BlockedURL,
				Sample:    string(issue.ContentSecurityPolicyViolationType),
			}
			if place := issue.SourceCodeLocation; place != nil {
				violation.Source, violation.Line = place.URL, place.LineNumber
			}
			r.violations = append(r.violations, violation)
		}
	}
}

func exceptionText(details *runtime.ExceptionDetails) string {
	if details.Exception != nil && details.Exception.Description != "" {
		return details.Exception.Description
	}
	return details.Text
}

func describe(value *runtime.RemoteObject) string {
	if len(value.Value) > 0 {
		var text string
		if json.Unmarshal(value.Value, &text) == nil {
			return text
		}
		return string(value.Value)
	}
	return value.Description
}

// Console returns what was written to the console since the start.
func (b *Browser) Console() []ConsoleMessage {
	b.records.mu.Lock()
	defer b.records.mu.Unlock()
	return append([]ConsoleMessage(nil), b.records.console...)
}

// ConsoleErrors returns the console's errors and uncaught exceptions.
func (b *Browser) ConsoleErrors() []ConsoleMessage {
	var errors []ConsoleMessage
	for _, message := range b.Console() {
		if message.Level == "error" {
			errors = append(errors, message)
		}
	}
	return errors
}

// PolicyViolations returns what Content-Security-Policies refused since the
// start.
func (b *Browser) PolicyViolations() []Violation {
	b.records.mu.Lock()
	defer b.records.mu.Unlock()
	return append([]Violation(nil), b.records.violations...)
}

// Requests returns the requests made since the start, in order.
func (b *Browser) Requests() []Request {
	b.records.mu.Lock()
	defer b.records.mu.Unlock()
	requests := make([]Request, 0, len(b.records.requests))
	for _, request := range b.records.requests {
		requests = append(requests, *request)
	}
	return requests
}

// RequestsOutside returns the requests that left the origin, such as
// "http://127.0.0.1:8080". Addresses that need no network (data:, blob:,
// about:) do not count.
func (b *Browser) RequestsOutside(origin string) []Request {
	var outside []Request
	for _, request := range b.Requests() {
		address, err := url.Parse(request.URL)
		if err != nil || (address.Host != "" && fmt.Sprintf("%s://%s", address.Scheme, address.Host) != origin) {
			outside = append(outside, request)
		}
	}
	return outside
}

// Settle waits until the page has drawn two more frames and the browser has
// reported what happened until then. Call it before asserting that something
// was NOT recorded.
func (b *Browser) Settle() {
	b.tb.Helper()
	perform(b, "settle", chromedp.Evaluate[bool](
		`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))`, chromedp.EvalAwaitPromise))
}
