// Package fault is how anything in Parvis says no: a small number of kinds,
// each with a stable code for programs and, in the catalogue, a sentence for
// people in French and English. Whatever is not a fault is our mistake and is
// reported without text.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind decides the HTTP status of a fault.
type Kind uint8

// The kinds, with the status each becomes (RFC 9110, RFC 6585).
const (
	Malformed            Kind = iota + 1 // 400: the contract alone would have told
	Unauthenticated                      // 401
	Forbidden                            // 403
	Missing                              // 404: not there, or not visible
	MethodNotAllowed                     // 405
	NotAcceptable                        // 406
	Conflict                             // 409
	Gone                                 // 410
	Stale                                // 412
	TooLarge                             // 413
	UnsupportedMedia                     // 415
	OutOfRange                           // 416
	Refused                              // 422: well formed, against a rule
	PreconditionRequired                 // 428
	TooMany                              // 429
	Unavailable                          // 503
)

// Violation names one thing that is wrong and where: exactly one of Pointer
// (RFC 6901, URI fragment form, into the body), Parameter or Header is set.
type Violation struct {
	Code      string
	Params    map[string]any
	Pointer   string
	Parameter string
	Header    string
}

// Error is a fault. Code is the last segment of the problem's type and is
// closed within a major version of the contract.
type Error struct {
	Kind       Kind
	Code       string
	Params     map[string]any // fill the placeholders of the catalogue's sentence
	Violations []Violation
	Extras     map[string]any // typed members of the problem: existing_id, survivor_id …
	RetryAfter time.Duration
	Headers    map[string]string
	cause      error
}

// New makes a fault of a kind with a code of the catalogue.
func New(kind Kind, code string) *Error { return &Error{Kind: kind, Code: code} }

// Error implements error, for logs; people read the catalogue's sentence.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %v", e.Code, e.cause)
	}
	return e.Code
}

// Unwrap gives the cause, which never leaves the server.
func (e *Error) Unwrap() error { return e.cause }

// Because keeps the cause for the log.
func (e *Error) Because(err error) *Error { e.cause = err; return e }

// With sets a value for the sentence.
func (e *Error) With(name string, value any) *Error {
	if e.Params == nil {
		e.Params = map[string]any{}
	}
	e.Params[name] = value
	return e
}

// Extra adds a typed member to the problem.
func (e *Error) Extra(name string, value any) *Error {
	if e.Extras == nil {
		e.Extras = map[string]any{}
	}
	e.Extras[name] = value
	return e
}

// Header adds a response header.
func (e *Error) Header(name, value string) *Error {
	if e.Headers == nil {
		e.Headers = map[string]string{}
	}
	e.Headers[name] = value
	return e
}

// At adds a violation at a JSON pointer of the body, such as "#/lines/0/qty".
func (e *Error) At(pointer, code string, params ...any) *Error {
	e.Violations = append(e.Violations, Violation{Code: code, Pointer: pointer, Params: pairs(params)})
	return e
}

// AtParameter adds a violation of a query or path parameter.
func (e *Error) AtParameter(name, code string, params ...any) *Error {
	e.Violations = append(e.Violations, Violation{Code: code, Parameter: name, Params: pairs(params)})
	return e
}

// AtHeader adds a violation of a request header.
func (e *Error) AtHeader(name, code string, params ...any) *Error {
	e.Violations = append(e.Violations, Violation{Code: code, Header: name, Params: pairs(params)})
	return e
}

// OrNil returns nil when a Malformed or Refused fault has gathered no violation,
// for validators that collect before they answer.
func (e *Error) OrNil() error {
	if e == nil || len(e.Violations) == 0 {
		return nil
	}
	return e
}

// NotFound is the fault for what is not there or must not be seen; both look
// the same to the caller.
func NotFound() *Error { return New(Missing, "not-found") }

// Invalid starts a 422 that gathers violations of business rules.
func Invalid() *Error { return New(Refused, "invalid") }

// As returns the fault in err, if there is one.
func As(err error) (*Error, bool) {
	var e *Error
	ok := errors.As(err, &e)
	return e, ok
}

// Is reports whether err is a fault with this code.
func Is(err error, code string) bool {
	e, ok := As(err)
	return ok && e.Code == code
}

func pairs(kv []any) map[string]any {
	if len(kv) == 0 {
		return nil
	}
	m := make(map[string]any, len(kv)/2)
	for i := 0; i+1 < len(kv); i += 2 {
		m[fmt.Sprint(kv[i])] = kv[i+1]
	}
	return m
}
