package web

import (
	"context"
	"net/http"
	"sync"

	"github.com/google/uuid"
	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
)

// ReadLog keeps who read whose identifiable data. Record must not block the
// answer.
type ReadLog interface {
	Record(ctx context.Context, actor Actor, operation string, subjects []uuid.UUID)
}

type subjectsKey struct{}

type subjects struct {
	mu  sync.Mutex
	ids []uuid.UUID
}

// NoteSubjects tells whose data is in the answer being made. Domains call it
// where they hand identifiable data out.
func NoteSubjects(ctx context.Context, contactIDs ...uuid.UUID) {
	s, _ := ctx.Value(subjectsKey{}).(*subjects)
	if s == nil {
		return
	}
	s.mu.Lock()
	s.ids = append(s.ids, contactIDs...)
	s.mu.Unlock()
}

func (ch Chain) logRead(op api.OperationSpec) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if ch.Reads == nil {
			return next
		}
		return func(c echo.Context) error {
			s := &subjects{}
			ctx := context.WithValue(c.Request().Context(), subjectsKey{}, s)
			c.SetRequest(c.Request().WithContext(ctx))
			if err := next(c); err != nil {
				return err
			}
			if status := c.Response().Status; status < http.StatusBadRequest && status != http.StatusNotModified && len(s.ids) > 0 {
				if actor, err := ActorFrom(ctx); err == nil {
					ch.Reads.Record(ctx, actor, op.ID, s.ids)
				}
			}
			return nil
		}
	}
}
