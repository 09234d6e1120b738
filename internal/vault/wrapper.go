package vault

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/parvis-crm/parvis/internal/seal"
)

// Wrapper protects keys with one that is not in the database: the installation's
// master key, or a key management service. Whatever it wraps is bound to a
// context, and unwraps for the same one only.
type Wrapper interface {
	// Current is the id under which Wrap works now.
	Current(ctx context.Context) (string, error)
	// Wrap returns the wrapped key and the id of the key that wraps it.
	Wrap(ctx context.Context, key, about []byte) (wrapped []byte, by string, err error)
	// Unwrap opens what the key of this id has wrapped.
	Unwrap(ctx context.Context, by string, wrapped, about []byte) ([]byte, error)
	// Knows tells whether the key of an id can be used here.
	Knows(by string) bool
}

// ErrUnknownKey is returned for what was wrapped by a key that this program was
// not given.
var ErrUnknownKey = errors.New("vault: wrapped by a key that this program does not have")

// Local wraps with the master key, and unwraps with former ones too.
type Local struct{ masters []seal.Master }

// NewLocal makes a wrapper from the present master key and the former ones.
func NewLocal(present seal.Master, former ...seal.Master) *Local {
	return &Local{masters: append([]seal.Master{present}, former...)}
}

const (
	localPrefix = "local:"
	kmsPrefix   = "kms:"
	wrapUse     = "vault wrapping"
)

// localID names a master key without telling anything of it.
func localID(m seal.Master) string {
	return localPrefix + hex.EncodeToString(m.Derive("vault key id")[:8])
}

// Current implements Wrapper.
func (l *Local) Current(context.Context) (string, error) { return localID(l.masters[0]), nil }

// Wrap implements Wrapper.
func (l *Local) Wrap(_ context.Context, key, about []byte) ([]byte, string, error) {
	return l.masters[0].Box(wrapUse).Seal(key, string(about)), localID(l.masters[0]), nil
}

// Unwrap implements Wrapper.
func (l *Local) Unwrap(_ context.Context, by string, wrapped, about []byte) ([]byte, error) {
	for _, m := range l.masters {
		if localID(m) == by {
			key, err := m.Box(wrapUse).Open(wrapped, string(about))
			if err != nil {
				return nil, ErrOpen
			}
			return key, nil
		}
	}
	return nil, fmt.Errorf("%w: %s", ErrUnknownKey, by)
}

// Knows implements Wrapper.
func (l *Local) Knows(by string) bool {
	for _, m := range l.masters {
		if localID(m) == by {
			return true
		}
	}
	return false
}

// Either wraps with its first member and unwraps with whichever knows the key,
// for the time in which an installation moves from one to the other.
type Either struct{ Present, Former Wrapper }

// Current implements Wrapper.
func (e Either) Current(ctx context.Context) (string, error) { return e.Present.Current(ctx) }

// Wrap implements Wrapper.
func (e Either) Wrap(ctx context.Context, key, about []byte) ([]byte, string, error) {
	return e.Present.Wrap(ctx, key, about)
}

// Unwrap implements Wrapper.
func (e Either) Unwrap(ctx context.Context, by string, wrapped, about []byte) ([]byte, error) {
	if e.Present.Knows(by) {
		return e.Present.Unwrap(ctx, by, wrapped, about)
	}
	return e.Former.Unwrap(ctx, by, wrapped, about)
}

// Knows implements Wrapper.
func (e Either) Knows(by string) bool { return e.Present.Knows(by) || e.Former.Knows(by) }

// sameKey tells whether two ids name the same key in the same version.
func sameKey(a, b string) bool { return strings.EqualFold(a, b) }
