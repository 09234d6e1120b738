// Package apikey defines the text form of Parvis API keys:
//
//	pv_<live|test>_<sk|pk|rk>_<12 base62 key id>_<32 base62 secret><6 base62 checksum>
//
// A fixed prefix, a secret of 190 bits and a CRC-32 (ISO 3309, as in RFC 1952
// §8) of everything before it are what secret scanners look for, so a key that
// leaks into a public repository can be recognised and reported without asking
// us. The checksum also lets the server refuse mistyped or invented keys before
// it looks anything up. It is no proof of anything: that is the secret's part.
//
// The key id is stored in clear and finds the row; of the secret only
// [Key.Hash] is stored. A fast hash is enough because the secret is random and
// long: there is no dictionary to try (NIST SP 800-63B §5.1.2).
package apikey

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"strings"
)

// Mode separates keys of real data from keys of a sandbox.
type Mode string

// The modes of a key.
const (
	Live Mode = "live"
	Test Mode = "test"
)

// Kind says what a key is for.
type Kind string

// The kinds of keys.
const (
	// Secret keys act for a server of the institution.
	Secret Kind = "sk"
	// Publishable keys may be seen by browsers.
	Publishable Kind = "pk"
	// Restricted keys are bound to one connector.
	Restricted Kind = "rk"
)

// Sizes of the parts, in characters.
const (
	IDLength       = 12
	secretLength   = 32
	checksumLength = 6

	// Length is that of a whole key.
	Length = len("pv_live_sk_") + IDLength + len("_") + secretLength + checksumLength
)

// HashSize is the size of a stored hash, in bytes.
const HashSize = sha256.Size

// ErrMalformed says that a text is not a key. It does not say which part is
// wrong and never quotes the text.
var ErrMalformed = errors.New("apikey: not an API key")

// Key is a whole key, secret included. Formatting, logging or encoding it
// shows its mode, kind and id only; [Key.Reveal] gives the text to show once.
type Key struct {
	mode   Mode
	kind   Kind
	id     string
	secret string
}

// Generate makes a new key from the system's random source.
func Generate(mode Mode, kind Kind) (Key, error) {
	if !mode.valid() || !kind.valid() {
		return Key{}, fmt.Errorf("apikey: no keys of mode %q and kind %q", string(mode), string(kind))
	}
	id, err := randomBase62(rand.Reader, IDLength)
	if err != nil {
		return Key{}, fmt.Errorf("apikey: generate key id: %w", err)
	}
	secret, err := randomBase62(rand.Reader, secretLength)
	if err != nil {
		return Key{}, fmt.Errorf("apikey: generate secret: %w", err)
	}
	return Key{mode: mode, kind: kind, id: id, secret: secret}, nil
}

// Parse reads the text of a key and refuses everything else, a wrong checksum
// included, with [ErrMalformed]. A parsed key is well formed, not yet known:
// find it by [Key.ID] and ask [Key.Matches].
func Parse(text string) (Key, error) {
	if len(text) != Length {
		return Key{}, ErrMalformed
	}
	body, sum := text[:Length-checksumLength], text[Length-checksumLength:]
	if checksum(body) != sum {
		return Key{}, ErrMalformed
	}
	parts := strings.Split(body, "_")
	if len(parts) != 5 || parts[0] != "pv" {
		return Key{}, ErrMalformed
	}
	key := Key{mode: Mode(parts[1]), kind: Kind(parts[2]), id: parts[3], secret: parts[4]}
	if !key.mode.valid() || !key.kind.valid() || len(key.id) != IDLength || len(key.secret) != secretLength ||
		!isBase62(key.id) || !isBase62(key.secret) {
		return Key{}, ErrMalformed
	}
	return key, nil
}

// Mode says whether the key is for real data.
func (k Key) Mode() Mode { return k.mode }

// Kind says what the key is for.
func (k Key) Kind() Kind { return k.kind }

// ID is the public part that finds the stored key.
func (k Key) ID() string { return k.id }

// Reveal gives the whole text, to be shown once to whoever created the key.
func (k Key) Reveal() string {
	body := k.public() + k.secret
	return body + checksum(body)
}

// Hash is the SHA-256 of the secret part: what is stored.
func (k Key) Hash() [HashSize]byte { return sha256.Sum256([]byte(k.secret)) }

// Matches compares the key with a stored hash in constant time.
func (k Key) Matches(stored []byte) bool {
	hash := k.Hash()
	return k.secret != "" && Equal(hash[:], stored)
}

// Equal compares two hashes in constant time; hashes of another size than
// [HashSize] equal nothing.
func Equal(a, b []byte) bool {
	return len(a) == HashSize && subtle.ConstantTimeCompare(a, b) == 1
}

// String redacts: "pv_live_sk_<id>_[redacted]".
func (k Key) String() string { return k.public() + "[redacted]" }

// Format redacts under every formatting verb, %#v and %x included.
func (k Key) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, k.String()) }

// LogValue redacts in structured logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText redacts in JSON and other encodings.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

func (k Key) public() string {
	return "pv_" + string(k.mode) + "_" + string(k.kind) + "_" + k.id + "_"
}

func (m Mode) valid() bool { return m == Live || m == Test }

func (k Kind) valid() bool { return k == Secret || k == Publishable || k == Restricted }

func checksum(body string) string {
	return encodeBase62(crc32.ChecksumIEEE([]byte(body)))
}
