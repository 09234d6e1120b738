package signature

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Names of the three headers.
const (
	HeaderID        = "webhook-id"
	HeaderTimestamp = "webhook-timestamp"
	HeaderSignature = "webhook-signature"
)

// Identifiers of the two schemes in a signature header.
const (
	VersionHMAC    = "v1"
	VersionEd25519 = "v1a"
)

// DefaultTolerance is how far, either way, the clock of a sender may be from
// ours: what the reference libraries of the standard use.
const DefaultTolerance = 5 * time.Minute

// maxSignatures bounds the work that one unauthenticated header can ask for.
const maxSignatures = 16

// maxIDLength bounds a message id, which receivers store as their dedupe key.
const maxIDLength = 256

// Why a message cannot be signed or is not accepted.
var (
	ErrInvalidMessage   = errors.New("signature: message cannot be signed")
	ErrMissingHeader    = errors.New("signature: required header missing or repeated")
	ErrMalformedHeader  = errors.New("signature: malformed header")
	ErrTimestampTooOld  = errors.New("signature: timestamp too old")
	ErrTimestampTooNew  = errors.New("signature: timestamp too far in the future")
	ErrNoMatch          = errors.New("signature: no signature matches")
	ErrNoVerifyingKey   = errors.New("signature: no key to verify with")
	errTooManySignature = fmt.Errorf("%w: more than %d signatures", ErrMalformedHeader, maxSignatures)
)

// Signature is one entry of a signature header.
type Signature struct {
	// Version is [VersionHMAC], [VersionEd25519] or one not known here.
	Version string
	// Bytes is the decoded signature; nil under an unknown version, whose
	// encoding is not ours to judge.
	Bytes []byte
}

// Message is what a verified header says.
type Message struct {
	// ID is the dedupe key: the same on every attempt.
	ID string
	// Timestamp is the time of this attempt, in whole seconds, UTC.
	Timestamp time.Time
}

// Sign gives the value of the webhook-signature header: one signature for each
// key, in the order given, separated by spaces. The exact bytes of body must be
// sent, with id and the Unix seconds of timestamp in their headers.
// [ErrInvalidMessage] is returned for an id the standard does not allow, a time
// before 1970, no key, or a zero key.
func Sign(id string, timestamp time.Time, body []byte, keys ...SigningKey) (string, error) {
	if !validID(id) {
		return "", fmt.Errorf("%w: the id must have 1 to %d visible ASCII characters and no full stop", ErrInvalidMessage, maxIDLength)
	}
	if timestamp.Unix() < 0 {
		return "", fmt.Errorf("%w: the timestamp is before 1970", ErrInvalidMessage)
	}
	if len(keys) == 0 || len(keys) > maxSignatures {
		return "", fmt.Errorf("%w: 1 to %d keys are needed", ErrInvalidMessage, maxSignatures)
	}
	content := signedContent(id, strconv.FormatInt(timestamp.Unix(), 10), body)
	var header strings.Builder
	for i, key := range keys {
		if !usable(key) {
			return "", fmt.Errorf("%w: key %d is empty", ErrInvalidMessage, i)
		}
		if i > 0 {
			header.WriteByte(' ')
		}
		signed := key.sign(content)
		header.WriteString(signed.Version)
		header.WriteByte(',')
		header.WriteString(encoding.EncodeToString(signed.Bytes))
	}
	return header.String(), nil
}

// SetHeaders signs like [Sign] and sets the three headers of one attempt.
func SetHeaders(header http.Header, id string, timestamp time.Time, body []byte, keys ...SigningKey) error {
	value, err := Sign(id, timestamp, body, keys...)
	if err != nil {
		return err
	}
	header.Set(HeaderID, id)
	header.Set(HeaderTimestamp, strconv.FormatInt(timestamp.Unix(), 10))
	header.Set(HeaderSignature, value)
	return nil
}

// Verify accepts a message when any signature of its header matches any of the
// keys and its timestamp is within tolerance of now, either way. A nil error is
// the only acceptance. The caller refuses ids it has already seen.
func Verify(header http.Header, body []byte, now time.Time, tolerance time.Duration, keys ...VerifyingKey) (Message, error) {
	if len(keys) == 0 {
		return Message{}, ErrNoVerifyingKey
	}
	id, err := single(header, HeaderID)
	if err != nil {
		return Message{}, err
	}
	seconds, err := single(header, HeaderTimestamp)
	if err != nil {
		return Message{}, err
	}
	value, err := single(header, HeaderSignature)
	if err != nil {
		return Message{}, err
	}
	// A full stop inside the id would let one signed text be cut in two ways.
	if !validID(id) {
		return Message{}, fmt.Errorf("%w: %s", ErrMalformedHeader, HeaderID)
	}
	timestamp, err := parseTimestamp(seconds)
	if err != nil {
		return Message{}, err
	}
	signatures, err := ParseHeader(value)
	if err != nil {
		return Message{}, err
	}
	if timestamp.Before(now.Add(-tolerance)) {
		return Message{}, ErrTimestampTooOld
	}
	if timestamp.After(now.Add(tolerance)) {
		return Message{}, ErrTimestampTooNew
	}
	content := signedContent(id, seconds, body)
	for _, candidate := range signatures {
		for _, key := range keys {
			if key != nil && key.matches(content, candidate) {
				return Message{ID: id, Timestamp: timestamp}, nil
			}
		}
	}
	return Message{}, ErrNoMatch
}

// ParseHeader reads a webhook-signature value: entries "version,base64"
// separated by single spaces, at most 16. Entries of unknown versions are kept
// without their bytes, so that a sender may add schemes; an entry of a known
// version that is not canonical base64 makes the header [ErrMalformedHeader].
func ParseHeader(value string) ([]Signature, error) {
	if strings.Count(value, " ") >= maxSignatures {
		return nil, errTooManySignature
	}
	var signatures []Signature
	for entry := range strings.SplitSeq(value, " ") {
		version, encoded, found := strings.Cut(entry, ",")
		if !found || version == "" || encoded == "" {
			return nil, fmt.Errorf("%w: %s", ErrMalformedHeader, HeaderSignature)
		}
		if version != VersionHMAC && version != VersionEd25519 {
			signatures = append(signatures, Signature{Version: version})
			continue
		}
		raw, err := decode(encoded)
		if err != nil {
			return nil, fmt.Errorf("%w: %s is not standard base64", ErrMalformedHeader, HeaderSignature)
		}
		signatures = append(signatures, Signature{Version: version, Bytes: raw})
	}
	return signatures, nil
}

func signedContent(id, seconds string, body []byte) []byte {
	content := make([]byte, 0, len(id)+len(seconds)+len(body)+2)
	content = append(content, id...)
	content = append(content, '.')
	content = append(content, seconds...)
	content = append(content, '.')
	return append(content, body...)
}

func validID(id string) bool {
	if id == "" || len(id) > maxIDLength {
		return false
	}
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' || id[i] == '.' {
			return false
		}
	}
	return true
}

// parseTimestamp takes the canonical decimal only: the text is part of what was
// signed, and "+1" or "01" would be a second spelling of the same second.
func parseTimestamp(text string) (time.Time, error) {
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil || seconds < 0 || strconv.FormatInt(seconds, 10) != text {
		return time.Time{}, fmt.Errorf("%w: %s", ErrMalformedHeader, HeaderTimestamp)
	}
	return time.Unix(seconds, 0).UTC(), nil
}

func single(header http.Header, name string) (string, error) {
	values := header.Values(name)
	if len(values) != 1 || values[0] == "" {
		return "", fmt.Errorf("%w: %s", ErrMissingHeader, name)
	}
	return values[0], nil
}

func usable(key SigningKey) bool {
	switch key := key.(type) {
	case Secret:
		return len(key.key) >= minSecretBytes
	case PrivateKey:
		return key.key != nil
	default:
		return false
	}
}
