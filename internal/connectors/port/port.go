// Package port is what a connector to a ticketing system is: a description, and
// a session that reads what changed, reads one thing, understands calls of the
// vendor and sends what we have to say. A connector knows nothing of the
// database: it gives records in the neutral form, which are then taken in by
// the same rules as those that a vendor sends to the API.
package port

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"
)

// Connector is one vendor's.
type Connector interface {
	Describe() Description
	// Open makes what talks to the vendor, and says what is wrong with the
	// settings. It calls nobody.
	Open(c Connection) (Session, error)
}

// Description is what a connector needs and can do.
type Description struct {
	Name  string // pretix; also the kind of the sources it is for
	Title string
	// BaseURL is where the vendor is, empty where each institution has an address
	// of its own.
	BaseURL string
	// SettingsSchema is the component of the contract that settings follow.
	SettingsSchema string
	Secrets        []Secret
	// Streams in the order in which they are read; the first is the one by which
	// lag is told.
	Streams []Stream
	// Fetches are the kinds of records that can be read one by one.
	Fetches []string
	// Commands are the kinds of commands that the vendor takes.
	Commands []string
	// CommandKeyFor is how long the vendor keeps the name of a command, under which
	// it may be sent again; zero: it knows no such names.
	CommandKeyFor time.Duration
	// Capabilities besides those that follow from the above: push (it calls us),
	// reconcile, register_hooks, scan.
	Capabilities []string
}

// Secret is a credential that is kept sealed.
type Secret struct {
	Name        string
	Required    bool
	Description string
}

// Stream is something of the vendor's that is read as a whole or from a mark.
type Stream struct {
	Name string
	// Every is how often it is read when nobody calls.
	Every time.Duration
}

// Connection is how one institution's system is reached.
type Connection struct {
	Source   string // its code
	TimeZone *time.Location
	Currency string
	BaseURL  *url.URL
	Settings json.RawMessage
	Secrets  map[string]string
	// HTTP is the guarded client; nothing else may call out.
	HTTP Doer
	// Now is the present time.
	Now func() time.Time
	// Pace is common to all sessions of the source.
	Pace *Pace
}

// Session talks to one institution's system. One goroutine at a time reads
// through it.
type Session interface {
	// Changes reads a stream from a mark to its present end. Pages go to yield in
	// order; the mark it returns counts only when all of them were taken in.
	Changes(ctx context.Context, stream string, since Since, yield func(Page) error) (Mark, error)
	// Fetch reads one record, and what belongs with it. ErrGone: the vendor does
	// not know it.
	Fetch(ctx context.Context, kind, externalID string) ([]Record, error)
	// VerifyHook decides on a call before it is kept, quickly and without calling
	// anybody. It returns the vendor's name of the delivery, empty where there is
	// none. ErrForged: the call is not the vendor's.
	VerifyHook(h Hook) (delivery string, err error)
	// ReadHook says what a call that was kept is about.
	ReadHook(h Hook) Reading
}

// Since is where reading begins.
type Since struct {
	// At includes the overlap already; zero: from the beginning.
	At time.Time
	// Token is what the last mark carried.
	Token string
	// Resume is what the last page of an interrupted reading carried.
	Resume string
}

// Mark is where the next reading begins.
type Mark struct {
	At    time.Time
	Token string
}

// Page is some records, taken in together.
type Page struct {
	Records []Record
	// Ledger is what the vendor's own book of sales says that orders come to: in a
	// comparison, after all orders.
	Ledger []LedgerSum
	// Resume lets an interrupted reading go on after this page.
	Resume string
}

// LedgerSum is what a book of sales says of an order: what is not cancelled, as a
// decimal.
type LedgerSum struct{ Order, Amount string }

// Hook is a call of the vendor.
type Hook struct {
	Header http.Header
	Body   []byte
	// User and Password of Basic authentication, empty when there was none.
	User, Password string
	// At is when it arrived.
	At time.Time
}

// Reading is what a call was about. Nothing of it is believed but names.
type Reading struct {
	// Note is what is shown of it: never personal.
	Note string
	// Streams to be read now.
	Streams []string
	// Changed names records that must turn up, in a stream or one by one; Deleted
	// those that the vendor says are gone, which is looked up.
	Changed, Deleted []Ref
	// Ignored: it is about nothing that we read.
	Ignored bool
}

// Ref names a record.
type Ref struct{ Kind, ExternalID string }

// Reconciler re-reads what was sold in a window, for comparison.
type Reconciler interface {
	// Reconcile gives every order that was placed in the window, whole.
	Reconcile(ctx context.Context, from, to time.Time, yield func(Page) error) error
}

// HookRegistrar tells the vendor where to call.
type HookRegistrar interface {
	// RegisterHook makes or mends the registration and returns the vendor's name
	// of it. known is what it was called before, empty if never.
	RegisterHook(ctx context.Context, target string, known string) (string, error)
}

// Commander sends commands.
type Commander interface {
	Send(ctx context.Context, c Command) (Result, error)
}

// Command is something the vendor is asked to do. ID is the same in every
// attempt and goes with the request where the vendor knows such a thing.
type Command struct {
	ID   string
	Kind string
	Data json.RawMessage
}

// Result is what the vendor made of a command: its name of what was made or
// changed, and what is known of it now.
type Result struct {
	Kind, ExternalID string
	Records          []Record
}
