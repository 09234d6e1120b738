package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// inTime ends a request for which the database finds no time, as one that hangs
// does not, so that its client can come again rather than wait for ever. What
// streams, and files, take the time they take.
func (ch Chain) inTime(op api.OperationSpec) echo.MiddlewareFunc {
	patience := ch.Patience
	if op.Rate == "bulk" {
		patience *= 3
	}
	for media := range op.Bodies {
		if !isJSON(media) {
			patience = 0
		}
	}
	for _, media := range op.Produces {
		if media == "text/event-stream" || media == "application/zip" {
			patience = 0
		}
	}
	waits := slices.ContainsFunc(op.Query, func(p api.QueryParameter) bool { return p.Name == "wait" })
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		if patience == 0 {
			return next
		}
		return func(c echo.Context) error {
			r, within := c.Request(), patience
			if waits { // as many seconds as the client asks for, which the contract bounds
				asked, _ := strconv.ParseUint(c.QueryParam("wait"), 10, 8)
				within += time.Duration(asked) * time.Second
			}
			ctx, cancel := context.WithTimeout(r.Context(), within)
			defer cancel()
			c.SetRequest(r.WithContext(ctx))
			err := next(c)
			if _, known := fault.As(err); err != nil && !known && errors.Is(err, context.DeadlineExceeded) && ctx.Err() != nil {
				f := fault.New(fault.Unavailable, "unavailable").Because(err)
				f.RetryAfter = 2 * time.Second
				return f
			}
			return err
		}
	}
}
