// Package ids makes the identifiers of Parvis: UUID version 7 (RFC 9562),
// written as lower-case text and ordered by the time they were made. An
// identifier tells its time, so it is never used as a secret.
package ids

import (
	"fmt"

	"github.com/google/uuid"
)

// New returns a fresh UUIDv7. It panics only where the operating system has no
// randomness left to give, in which case nothing else could be trusted either.
func New() uuid.UUID {
	return uuid.Must(uuid.NewV7())
}

// Parse reads an identifier in its canonical form only: 36 characters, lower or
// upper case. Other spellings that google/uuid accepts (braces, URN) are not
// identifiers here.
func Parse(s string) (uuid.UUID, error) {
	if len(s) != 36 {
		return uuid.Nil, fmt.Errorf("ids: %q is not a UUID", s)
	}
	return uuid.Parse(s)
}
