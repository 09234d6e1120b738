package proofofwork

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/parvis-crm/parvis/internal/clock"
)

// maxPayload bounds the text that an unauthenticated sender can have decoded,
// in bytes; a real one has about 900.
const maxPayload = 4096

// Why a payload is not accepted.
var (
	ErrMalformed      = errors.New("proofofwork: malformed payload")
	ErrWrongSignature = errors.New("proofofwork: challenge was not issued here")
	ErrWrongForm      = errors.New("proofofwork: challenge belongs to another form")
	ErrExpired        = errors.New("proofofwork: challenge has expired")
	ErrWrongSolution  = errors.New("proofofwork: solution does not fit the challenge")
)

// ErrUnsolvable says that [Solve] was given a challenge it cannot work on.
var ErrUnsolvable = errors.New("proofofwork: challenge cannot be solved")

// Solution is what a solver found.
type Solution struct {
	Counter uint32 `json:"counter"`
	// DerivedKey is in hexadecimal.
	DerivedKey string `json:"derivedKey"`
	// Time is how long solving took, in milliseconds, by the solver's account.
	Time float64 `json:"time"`
}

// Result is what a verified payload establishes.
type Result struct {
	// Nonce names the challenge; the caller accepts each one once.
	Nonce string
	// IssuedAt is when the form asked for the challenge, in whole seconds, UTC.
	IssuedAt time.Time
	// ExpiresAt is until when the caller has to remember Nonce, UTC.
	ExpiresAt time.Time
}

// payload is the JSON whose base64 the widget puts into the form.
type payload struct {
	Challenge Challenge `json:"challenge"`
	Solution  Solution  `json:"solution"`
}

// Payload gives the text that the widget would post for this solution.
func Payload(challenge Challenge, solution Solution) (string, error) {
	encoded, err := json.Marshal(payload{Challenge: challenge, Solution: solution})
	if err != nil {
		return "", fmt.Errorf("proofofwork: encode payload: %w", err)
	}
	return base64.StdEncoding.EncodeToString(encoded), nil
}

// Verify accepts the text that the widget posts, standard base64 of
// {challenge, solution}, when the challenge was issued here, for this form, has
// not expired at now, and is solved. A nil error is the only acceptance; the
// caller then refuses a nonce it has already accepted.
func (i *Issuer) Verify(text, formID string, now time.Time) (Result, error) {
	sent, err := parsePayload(text)
	if err != nil {
		return Result{}, err
	}
	// The parsed parameters are signed again, so what is compared is what is
	// used below, however the sender wrote it.
	parameters := sent.Challenge.Parameters
	expected, err := i.sign(parameters)
	if err != nil {
		return Result{}, err
	}
	signature, err := hex.DecodeString(sent.Challenge.Signature)
	if err != nil || !hmac.Equal(expected, signature) {
		return Result{}, ErrWrongSignature
	}
	if parameters.Data.FormID != formID {
		return Result{}, ErrWrongForm
	}
	if now.Unix() >= parameters.ExpiresAt {
		return Result{}, ErrExpired
	}
	key, err := hex.DecodeString(sent.Solution.DerivedKey)
	if err != nil || len(key) != keySize {
		return Result{}, ErrWrongSolution
	}
	keySignature, err := hex.DecodeString(parameters.KeySignature)
	if err != nil || !hmac.Equal(sum(i.solutionKey, key), keySignature) {
		return Result{}, ErrWrongSolution
	}
	return Result{
		Nonce:     parameters.Nonce,
		IssuedAt:  time.Unix(parameters.Data.IssuedAt, 0).UTC(),
		ExpiresAt: time.Unix(parameters.ExpiresAt, 0).UTC(),
	}, nil
}

func parsePayload(text string) (payload, error) {
	if len(text) > maxPayload {
		return payload{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxPayload)
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return payload{}, fmt.Errorf("%w: not standard base64", ErrMalformed)
	}
	// Unknown properties are let through, so that a later widget may say more:
	// only what is signed is used.
	var sent payload
	if err := json.Unmarshal(decoded, &sent); err != nil {
		return payload{}, fmt.Errorf("%w: not the JSON of a solved challenge", ErrMalformed)
	}
	return sent, nil
}

// Solve does the sender's work, for clients that are not browsers and for
// tests. It tries counters from 0 and stops with ctx. A challenge that is not
// of this package's kind is [ErrUnsolvable].
func Solve(ctx context.Context, challenge Challenge) (Solution, error) {
	start := clock.Mark()
	parameters := challenge.Parameters
	if parameters.Algorithm != Algorithm || parameters.Cost < 1 || parameters.KeyLength != keySize {
		return Solution{}, fmt.Errorf("%w: only %s with keys of %d bytes is supported", ErrUnsolvable, Algorithm, keySize)
	}
	nonce, nonceErr := hex.DecodeString(parameters.Nonce)
	salt, saltErr := hex.DecodeString(parameters.Salt)
	prefix, prefixErr := hex.DecodeString(parameters.KeyPrefix)
	if err := errors.Join(nonceErr, saltErr, prefixErr); err != nil {
		return Solution{}, fmt.Errorf("%w: %w", ErrUnsolvable, err)
	}
	for counter := uint32(0); ; counter++ {
		if err := ctx.Err(); err != nil {
			return Solution{}, err
		}
		key, err := deriveKey(nonce, salt, counter, parameters.Cost, keySize)
		if err != nil {
			return Solution{}, err
		}
		if bytes.HasPrefix(key, prefix) {
			return Solution{
				Counter:    counter,
				DerivedKey: hex.EncodeToString(key),
				Time:       float64(time.Since(start).Microseconds()) / 1000,
			}, nil
		}
		if counter == math.MaxUint32 {
			return Solution{}, fmt.Errorf("%w: no counter fits", ErrUnsolvable)
		}
	}
}
