package web

import (
	"context"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"github.com/parvis-crm/parvis/internal/api"
	"github.com/parvis-crm/parvis/internal/fault"
)

// Why a request is made: in words or by the number of a case, and for which
// purpose of the register.
const (
	ReasonHeader  = "Parvis-Reason"
	statedPurpose = purposeHeader
	mostReason    = 200
	mostPurpose   = 120
)

// Stated is what a request says of why it is made.
type Stated struct {
	Reason, Purpose string
	// Reads: the request changes nothing, so that it may be refused when it is
	// known whose data it would be given.
	Reads bool
}

type statedKey struct{}

// StatedIn is what the request of a context has stated.
func StatedIn(ctx context.Context) Stated {
	s, _ := ctx.Value(statedKey{}).(Stated)
	return s
}

// WithStated returns a context of a request that states why it is made.
func WithStated(ctx context.Context, s Stated) context.Context {
	return context.WithValue(ctx, statedKey{}, s)
}

func state(c echo.Context, op api.OperationSpec) (context.Context, error) {
	header := c.Request().Header
	s := Stated{Reason: text(header.Get(ReasonHeader)), Purpose: text(header.Get(statedPurpose)),
		Reads: op.Method == http.MethodGet || op.Idempotency == "none"}
	f := fault.New(fault.Malformed, "invalid-request")
	if utf8.RuneCountInString(s.Reason) > mostReason {
		f.AtHeader(ReasonHeader, "too-long", "limit", mostReason)
	}
	if utf8.RuneCountInString(s.Purpose) > mostPurpose {
		f.AtHeader(statedPurpose, "too-long", "limit", mostPurpose)
	}
	if err := f.OrNil(); err != nil {
		return nil, err
	}
	return WithStated(c.Request().Context(), s), nil
}

// text is the value of a header whose sender wrote UTF-8, or, as the older rule
// for headers has it, ISO 8859-1.
func text(value string) string {
	if !utf8.ValidString(value) {
		runes := make([]rune, 0, len(value))
		for i := range len(value) {
			runes = append(runes, rune(value[i]))
		}
		value = string(runes)
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, value))
}
