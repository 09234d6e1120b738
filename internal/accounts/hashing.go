package accounts

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"github.com/parvis-crm/parvis/internal/fault"
)

// figures are the parameters of Argon2id (RFC 9106 §3.1). They are written into
// every hash, so they can grow: a hash made with smaller ones is made anew the
// next time its password is known.
type figures struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

// The passes and lanes of November 2026. The memory is the operator's to raise;
// its default, 46 MiB with one pass, costs an attacker what 19 MiB with two do.
const (
	passes   = 1
	lanes    = 1
	saltSize = 16
	hashSize = 32

	// A hash of the database never makes the program do more than this.
	mostMemory = 1 << 20 // KiB
	mostPasses = 64
)

// queuedPerSlot is how many may wait for each hash under way.
const queuedPerSlot = 32

// hasher makes and checks hashes, few at a time: each takes tens of MiB, and
// strangers decide how many are asked for.
type hasher struct {
	current figures
	slots   chan struct{}
	waiting atomic.Int64
	// nobody is the hash of no password, as expensive as that of any.
	nobody string
}

func newHasher(memory int) *hasher {
	h := &hasher{
		current: figures{memory: uint32(min(max(memory, 8), mostMemory)), passes: passes, lanes: lanes},
		slots:   make(chan struct{}, min(max(runtime.GOMAXPROCS(0), 1), 4)),
	}
	h.nobody = h.make(newSecret())
	return h
}

// enter waits for a slot. Where too many wait already it says so instead.
func (h *hasher) enter(ctx context.Context) error {
	if h.waiting.Add(1) > int64(cap(h.slots)*queuedPerSlot) {
		h.waiting.Add(-1)
		f := fault.New(fault.Unavailable, "unavailable")
		f.RetryAfter = 2 * time.Second
		return f
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *hasher) leave() { <-h.slots }

// hash makes the hash of a password, in the PHC string format.
func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	if err := h.enter(ctx); err != nil {
		return "", err
	}
	defer h.leave()
	return h.make(password), nil
}

func (h *hasher) make(password string) string {
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails since Go 1.24: it ends the program instead
	return encodeHash(h.current, salt, derive(password, salt, h.current, hashSize))
}

// verify reports whether a password is the one of a hash, and whether the hash
// should be made anew. An empty hash is that of nobody: the answer is no, after
// the same work.
func (h *hasher) verify(ctx context.Context, password, encoded string) (ok, outdated bool, err error) {
	known := encoded != ""
	if !known {
		encoded = h.nobody
	}
	f, salt, want, err := decodeHash(encoded)
	if err != nil {
		return false, false, err
	}
	if err := h.enter(ctx); err != nil {
		return false, false, err
	}
	defer h.leave()
	got := derive(password, salt, f, len(want))
	return subtle.ConstantTimeCompare(got, want) == 1 && known, f.less(h.current), nil
}

func (f figures) less(than figures) bool {
	return f.memory < than.memory || f.passes < than.passes || f.lanes < than.lanes
}

func derive(password string, salt []byte, f figures, size int) []byte {
	return argon2.IDKey([]byte(normal(password)), salt, f.passes, f.memory, f.lanes, uint32(size))
}

func encodeHash(f figures, salt, sum []byte) string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, f.memory, f.passes, f.lanes,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

func decodeHash(encoded string) (f figures, salt, sum []byte, err error) {
	parts := strings.Split(encoded, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return f, nil, nil, fmt.Errorf("accounts: a password hash of an unknown form")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &f.memory, &f.passes, &f.lanes); err != nil {
		return f, nil, nil, fmt.Errorf("accounts: a password hash without its parameters: %w", err)
	}
	salt, err = base64.RawStdEncoding.DecodeString(parts[4])
	if err == nil {
		sum, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	if err != nil || f.memory > mostMemory || f.passes < 1 || f.passes > mostPasses || f.lanes < 1 || len(sum) < 16 {
		return f, nil, nil, fmt.Errorf("accounts: a password hash that cannot be used: %w", err)
	}
	return f, salt, sum, nil
}
