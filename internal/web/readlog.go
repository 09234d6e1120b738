package web

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// ReadLog keeps who read whose identifiable data. When Record returns, the read
// is kept even if the process is killed the next moment; when it fails, the
// answer must not be given. What it returns names the entry.
type ReadLog interface {
	// Admit refuses a read that lacks the reason it needs, before anything is done.
	Admit(ctx context.Context, actor Actor, operation string) error
	Record(ctx context.Context, actor Actor, operation string, subjects []uuid.UUID) (uuid.UUID, error)
}

type subjectsKey struct{}

// noting is an answer on its way out, with whose data is in it.
type noting struct {
	http.ResponseWriter
	record func(subjects []uuid.UUID) error
	always bool // a read of nobody is noted too

	mu       sync.Mutex
	subjects []uuid.UUID
	// unchanged: nothing was written, so that the answer may be refused.
	unchanged bool

	status  int // 0: nothing has left
	refused error
}

// NoteSubjects tells whose data is in the answer being made. Domains call it
// where they hand identifiable data out.
func NoteSubjects(ctx context.Context, contactIDs ...uuid.UUID) {
	n, _ := ctx.Value(subjectsKey{}).(*noting)
	if n == nil {
		return
	}
	n.mu.Lock()
	n.subjects = append(n.subjects, contactIDs...)
	n.mu.Unlock()
}

// NoteUnchanged is NoteSubjects for a change that changed nothing: no event tells
// of it, so that it is a read, and held to the reason that a read needs.
func NoteUnchanged(ctx context.Context, contactIDs ...uuid.UUID) {
	NoteSubjects(ctx, contactIDs...)
	if n, _ := ctx.Value(subjectsKey{}).(*noting); n != nil {
		n.mu.Lock()
		n.unchanged = true
		n.mu.Unlock()
	}
}

// WriteHeader notes the read before the first byte of the answer leaves.
func (n *noting) WriteHeader(status int) {
	if n.status == 0 && status >= http.StatusOK {
		n.status = status
		if status < http.StatusBadRequest && status != http.StatusNotModified {
			n.refused = n.note()
		}
	}
	if n.refused == nil {
		n.ResponseWriter.WriteHeader(status)
	}
}

// Write drops an answer whose read could not be noted.
func (n *noting) Write(p []byte) (int, error) {
	if n.status == 0 {
		n.WriteHeader(http.StatusOK)
	}
	if n.refused != nil {
		return len(p), nil //nolint:nilerr // the handler goes on, and refuse answers in its stead
	}
	return n.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// note records whose data has come up since it last did.
func (n *noting) note() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.subjects) == 0 && !n.always {
		return nil
	}
	n.always = false
	if err := n.record(n.subjects); err != nil {
		return err
	}
	n.subjects = n.subjects[:0]
	return nil
}

// Noted calls what hands identifiable data out elsewhere than in an answer to a
// request, such as in a webhook, and notes whose it was before it may leave: as
// an answer would be, by one entry. Nobody states a reason there, so what needs one
// is refused.
func Noted[T any](ctx context.Context, log ReadLog, operation string, give func(context.Context) (T, error)) (T, error) {
	n := &noting{}
	ctx = WithStated(ctx, Stated{Reads: true})
	out, err := give(context.WithValue(ctx, subjectsKey{}, n))
	if err != nil || len(n.subjects) == 0 {
		return out, err
	}
	actor, err := ActorFrom(ctx)
	if err == nil {
		_, err = log.Record(ctx, actor, operation, n.subjects)
	}
	if err != nil {
		var none T
		return none, err
	}
	return out, nil
}

func (ch Chain) logRead(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if ch.Reads == nil {
			return next
		}
		return func(c echo.Context) error {
			response := c.Response()
			n := &noting{ResponseWriter: response.Writer}
			ctx, err := state(c, op)
			if err != nil {
				return err
			}
			if actor, err := ActorFrom(ctx); err == nil {
				n.always = len(actor.Purposes) > 0
				if err := ch.Reads.Admit(ctx, actor, op.ID); err != nil {
					return err
				}
			}
			ctx = context.WithValue(ctx, subjectsKey{}, n)
			n.record = func(subjects []uuid.UUID) error {
				actor, err := ActorFrom(ctx)
				if err != nil {
					return nil //nolint:nilerr // a public operation: nobody reads
				}
				of := ctx
				if n.unchanged {
					stated := StatedIn(ctx)
					stated.Reads = true
					of = WithStated(ctx, stated)
				}
				receipt, err := ch.Reads.Record(of, actor, op.ID, subjects)
				if err == nil && len(actor.Purposes) > 0 {
					response.Header().Set(receiptHeader, receipt.String())
				}
				return err
			}
			c.SetRequest(c.Request().WithContext(ctx))
			response.Writer = n
			err = next(c)
			response.Writer = n.ResponseWriter
			if n.refused != nil {
				return refuse(response, n.refused)
			}
			if n.status != 0 && n.status < http.StatusBadRequest && n.status != http.StatusNotModified {
				// An answer given piece by piece: what is not noted is not finished.
				if late := n.note(); late != nil {
					panic(http.ErrAbortHandler) //nolint:forbidigo // the one that may be thrown: part of the answer has left
				}
			}
			return err
		}
	}
}

// refuse takes an answer back of which nothing has left.
func refuse(response *echo.Response, cause error) error {
	response.Committed, response.Status, response.Size = false, 0, 0
	for _, name := range []string{"Content-Type", "Content-Length", "Content-Location", "Etag", "Last-Modified", "Link", "Location"} {
		response.Header().Del(name)
	}
	if refused, ok := errors.AsType[*fault.Error](cause); ok {
		return refused
	}
	f := fault.New(fault.Unavailable, "unavailable").Because(cause)
	f.RetryAfter = 2 * time.Second
	return f
}
