package web

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/labstack/echo/v4"
)

// maskedHeader names what an answer does not show because of its reader's
// rights, by JSON pointers in which a star stands for every item.
const maskedHeader = "Parvis-Masked"

type maskedKey struct{}

type maskedNotes struct {
	mu       sync.Mutex
	pointers []string
}

// NoteMasked declares that parts of the answer being made are masked.
func NoteMasked(ctx context.Context, pointers ...string) {
	m, _ := ctx.Value(maskedKey{}).(*maskedNotes)
	if m == nil {
		return
	}
	m.mu.Lock()
	m.pointers = append(m.pointers, pointers...)
	m.mu.Unlock()
}

func (m *maskedNotes) header() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	slices.Sort(m.pointers)
	m.pointers = slices.Compact(m.pointers)
	return strings.Join(m.pointers, ", ")
}

// declareMasked writes what was noted into the header of the answer.
func declareMasked(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		m := &maskedNotes{}
		c.SetRequest(c.Request().WithContext(context.WithValue(c.Request().Context(), maskedKey{}, m)))
		c.Response().Before(func() {
			if names := m.header(); names != "" {
				c.Response().Header().Set(maskedHeader, names)
			}
		})
		return next(c)
	}
}
