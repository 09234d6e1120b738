package port

import (
	"errors"
	"fmt"
	"time"
)

// What a session says when it cannot go on. Anything else is taken for an answer
// that nobody expected.
var (
	// ErrGone: the vendor does not know the record.
	ErrGone = errors.New("connector: the vendor does not know it")
	// ErrRefused: the vendor refuses our credentials. Nothing is tried again
	// until somebody changes the connection.
	ErrRefused = errors.New("connector: the vendor refuses the credentials")
	// ErrForbidden: the vendor does not allow this to our credentials, which may do
	// other things. Where it is a reading, nothing more can be read.
	ErrForbidden = fmt.Errorf("connector: the vendor does not allow it: %w", ErrRefused)
	// ErrForged: a call at the hook address is not the vendor's.
	ErrForged = errors.New("connector: the call is not the vendor's")
	// ErrUnsupported: the vendor has no such thing.
	ErrUnsupported = errors.New("connector: the vendor has no such thing")
)

// ThrottledError says that the vendor wants us to wait.
type ThrottledError struct{ Wait time.Duration }

func (t *ThrottledError) Error() string { return fmt.Sprintf("connector: asked to wait %s", t.Wait) }

// UnreachableError says that no answer came, or one that says that the vendor is
// unwell.
type UnreachableError struct {
	Status int // zero: none
	Cause  error
}

func (u *UnreachableError) Error() string {
	if u.Status != 0 {
		return fmt.Sprintf("connector: the vendor answered %d", u.Status)
	}
	return "connector: the vendor cannot be reached"
}

// Unwrap gives the cause.
func (u *UnreachableError) Unwrap() error { return u.Cause }

// RejectedError says that the vendor does not want what was sent. Text is its
// reason, without anything that identifies people.
type RejectedError struct {
	Status int
	Text   string
}

func (r *RejectedError) Error() string { return fmt.Sprintf("connector: rejected (%d)", r.Status) }

// UnexpectedError says that the answer is not what the vendor documents.
type UnexpectedError struct{ Text string }

func (u *UnexpectedError) Error() string { return "connector: unexpected answer: " + u.Text }
