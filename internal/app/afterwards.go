package app

import (
	"context"
	"math/rand/v2"
	"time"
)

// afterwards begins work that is done every hour or so a little after the start,
// and not in all processes at one instant: what is asked of a program that has
// just started comes first.
func (a *App) afterwards(run func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		timer := time.NewTimer(a.settle + rand.N(a.settle)) //nolint:gosec // nobody gains by guessing it
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
			return run(ctx)
		}
	}
}
