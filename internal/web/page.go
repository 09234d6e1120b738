package web

import (
	"context"
	"net/url"

	"github.com/oapi-codegen/nullable"
)

// DefaultLimit is the size of a page that nobody asked another size for.
const DefaultLimit = 50

// Limit reads the `limit` of a list; the contract has already bounded it.
func Limit(limit *int32) int {
	if limit == nil {
		return DefaultLimit
	}
	return int(*limit)
}

// Page is one page of a walk.
type Page[T any] struct {
	Items []T
	Next  nullable.Nullable[string]
}

// Paginate cuts limit+1 rows into a page and the cursor to the next one. key
// gives the position of a row: the values of the sort order, the id last.
func Paginate[T any](c Cursors, walk string, rows []T, limit int, key func(T) any) (Page[T], error) {
	p := Page[T]{Items: rows, Next: nullable.NewNullNullable[string]()}
	if len(rows) <= limit {
		return p, nil
	}
	p.Items = rows[:limit]
	next, err := c.Encode(walk, key(rows[limit-1]))
	if err != nil {
		return p, err
	}
	p.Next = nullable.NewNullableWithValue(next)
	return p, nil
}

type addressKey struct{}

// WithAddress keeps the address of the request as the outside knows it, from
// which the link to the next page is made.
func WithAddress(ctx context.Context, address *url.URL) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// Address is the address of the request as the outside knows it, relative where
// that was not configured; nil outside one.
func Address(ctx context.Context) *url.URL {
	u, _ := ctx.Value(addressKey{}).(*url.URL)
	return u
}

// Link is the value of the Link header (RFC 8288), nil on the last page.
func (p Page[T]) Link(ctx context.Context) *string {
	next, err := p.Next.Get()
	here := Address(ctx)
	if err != nil || here == nil {
		return nil
	}
	u := *here
	query := u.Query()
	query.Set("cursor", next)
	u.RawQuery = query.Encode()
	link := "<" + u.String() + `>; rel="next"`
	return &link
}

// Map converts a page's items; the result is never nil, so that an empty list
// is written as [].
func Map[A, B any](in []A, f func(A) B) []B {
	out := make([]B, 0, len(in))
	for _, a := range in {
		out = append(out, f(a))
	}
	return out
}

// Nullable turns a pointer into a value that is written as null when absent.
func Nullable[T any](p *T) nullable.Nullable[T] {
	if p == nil {
		return nullable.NewNullNullable[T]()
	}
	return nullable.NewNullableWithValue(*p)
}

// If returns p when the condition holds, nil otherwise.
func If[T any](condition bool, p *T) *T {
	if condition {
		return p
	}
	return nil
}
