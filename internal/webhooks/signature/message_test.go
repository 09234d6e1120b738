package signature_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	reference "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/webhooks/signature"
)

// The message that the reference libraries of Standard Webhooks test with.
const (
	vectorID        = "msg_p5jXN8AQM9LWM0D4loKWxJek"
	vectorSeconds   = 1614265330
	vectorBody      = `{"test": 2432232314}`
	vectorSecret    = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	vectorSignature = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="

	// The same message under the key pair of RFC 8032 §7.1, test 1, signed
	// with OpenSSL.
	vectorPrivate    = "whsk_nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
	vectorPublic     = "whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	vectorAsymmetric = "v1a,fldxM4gAKugP6nnt1hdz3sgGfZ6d99nzrMFnZOELIxbzEHoVmAb2ADpkJK7zgPePmPsle0zV9jSeGlHFG2NVAw=="
)

var vectorTime = time.Unix(vectorSeconds, 0)

func secret(t *testing.T) signature.Secret {
	t.Helper()
	generated, err := signature.GenerateSecret()
	require.NoError(t, err)
	return generated
}

func privateKey(t *testing.T) signature.PrivateKey {
	t.Helper()
	generated, err := signature.GeneratePrivateKey()
	require.NoError(t, err)
	return generated
}

func vectorHeader(signatures string) http.Header {
	header := http.Header{}
	header.Set(signature.HeaderID, vectorID)
	header.Set(signature.HeaderTimestamp, "1614265330")
	header.Set(signature.HeaderSignature, signatures)
	return header
}

func TestSignGivesTheVectorsOfTheStandard(t *testing.T) {
	t.Parallel()
	shared, err := signature.ParseSecret(vectorSecret)
	require.NoError(t, err)
	private, err := signature.ParsePrivateKey(vectorPrivate)
	require.NoError(t, err)

	value, err := signature.Sign(vectorID, vectorTime, []byte(vectorBody), shared, private)
	require.NoError(t, err)
	require.Equal(t, vectorSignature+" "+vectorAsymmetric, value)
	require.Equal(t, vectorPublic, private.Public().String())
}

func TestVerifyAcceptsTheVectorsOfTheStandard(t *testing.T) {
	t.Parallel()
	shared, err := signature.ParseSecret(vectorSecret)
	require.NoError(t, err)
	public, err := signature.ParsePublicKey(vectorPublic)
	require.NoError(t, err)

	for name, key := range map[string]signature.VerifyingKey{vectorSignature: shared, vectorAsymmetric: public} {
		message, err := signature.Verify(vectorHeader(name), []byte(vectorBody), vectorTime, signature.DefaultTolerance, key)
		require.NoError(t, err)
		require.Equal(t, signature.Message{ID: vectorID, Timestamp: vectorTime.UTC()}, message)
	}
}

func TestTheReferenceLibraryAcceptsOurHeaders(t *testing.T) {
	t.Parallel()
	old, current, pair := secret(t), secret(t), privateKey(t)
	body := []byte(`{"type":"contact.updated","data":{}}`)
	header := http.Header{}
	require.NoError(t, signature.SetHeaders(header, "msg_1", time.Now(), body, pair, current, old))

	for _, key := range []signature.Secret{old, current} {
		receiver, err := reference.NewWebhook(key.Reveal())
		require.NoError(t, err)
		require.NoError(t, receiver.Verify(body, header))
		require.Error(t, receiver.Verify(append(body, ' '), header))
	}
	stranger, err := reference.NewWebhook(secret(t).Reveal())
	require.NoError(t, err)
	require.Error(t, stranger.Verify(body, header))
}

func TestWeAcceptTheReferenceLibrary(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		key, err := signature.GenerateSecret()
		require.NoError(rt, err)
		sender, err := reference.NewWebhook(key.Reveal())
		require.NoError(rt, err)
		body := rapid.SliceOf(rapid.Byte()).Draw(rt, "body")
		value, err := sender.Sign(vectorID, vectorTime, body)
		require.NoError(rt, err)

		_, err = signature.Verify(vectorHeader(value), body, vectorTime, 0, key)
		require.NoError(rt, err)
		ours, err := signature.Sign(vectorID, vectorTime, body, key)
		require.NoError(rt, err)
		require.Equal(rt, value, ours)
	})
}

func TestRotationKeepsBothKeysValid(t *testing.T) {
	t.Parallel()
	old, current := privateKey(t), privateKey(t)
	body := []byte("{}")
	during, err := signature.Sign(vectorID, vectorTime, body, current, old)
	require.NoError(t, err)
	after, err := signature.Sign(vectorID, vectorTime, body, current)
	require.NoError(t, err)

	_, err = signature.Verify(vectorHeader(during), body, vectorTime, 0, old.Public())
	require.NoError(t, err)
	_, err = signature.Verify(vectorHeader(during), body, vectorTime, 0, current.Public())
	require.NoError(t, err)
	_, err = signature.Verify(vectorHeader(after), body, vectorTime, 0, old.Public())
	require.ErrorIs(t, err, signature.ErrNoMatch)
	_, err = signature.Verify(vectorHeader(after), body, vectorTime, 0, old.Public(), current.Public())
	require.NoError(t, err)
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	shared, err := signature.ParseSecret(vectorSecret)
	require.NoError(t, err)
	set := func(name, value string) func(http.Header) {
		return func(header http.Header) { header.Set(name, value) }
	}
	tests := map[string]struct {
		change func(http.Header)
		now    time.Duration
		body   string
		want   error
	}{
		"another body":               {body: `{"test": 2432232315}`, want: signature.ErrNoMatch},
		"another id":                 {change: set(signature.HeaderID, "msg_other"), want: signature.ErrNoMatch},
		"another second":             {change: set(signature.HeaderTimestamp, "1614265331"), want: signature.ErrNoMatch},
		"another version":            {change: set(signature.HeaderSignature, strings.Replace(vectorSignature, "v1,", "v1a,", 1)), want: signature.ErrNoMatch},
		"only unknown versions":      {change: set(signature.HeaderSignature, "v2,whatever?"), want: signature.ErrNoMatch},
		"old":                        {now: 5*time.Minute + time.Second, want: signature.ErrTimestampTooOld},
		"from the future":            {now: -5*time.Minute - time.Second, want: signature.ErrTimestampTooNew},
		"no id":                      {change: func(h http.Header) { h.Del(signature.HeaderID) }, want: signature.ErrMissingHeader},
		"two ids":                    {change: func(h http.Header) { h.Add(signature.HeaderID, "msg_2") }, want: signature.ErrMissingHeader},
		"no timestamp":               {change: func(h http.Header) { h.Del(signature.HeaderTimestamp) }, want: signature.ErrMissingHeader},
		"no signature":               {change: func(h http.Header) { h.Del(signature.HeaderSignature) }, want: signature.ErrMissingHeader},
		"id with a full stop":        {change: set(signature.HeaderID, "msg.1"), want: signature.ErrMalformedHeader},
		"id with a space":            {change: set(signature.HeaderID, "msg 1"), want: signature.ErrMalformedHeader},
		"timestamp with a sign":      {change: set(signature.HeaderTimestamp, "+1614265330"), want: signature.ErrMalformedHeader},
		"timestamp with a zero":      {change: set(signature.HeaderTimestamp, "01614265330"), want: signature.ErrMalformedHeader},
		"negative timestamp":         {change: set(signature.HeaderTimestamp, "-1"), want: signature.ErrMalformedHeader},
		"timestamp in ISO 8601":      {change: set(signature.HeaderTimestamp, "2021-02-25T15:02:10Z"), want: signature.ErrMalformedHeader},
		"timestamp beyond all time":  {change: set(signature.HeaderTimestamp, "99999999999999999999"), want: signature.ErrMalformedHeader},
		"signature without version":  {change: set(signature.HeaderSignature, vectorSignature[3:]), want: signature.ErrMalformedHeader},
		"signature not base64":       {change: set(signature.HeaderSignature, "v1,???"), want: signature.ErrMalformedHeader},
		"more signatures than bound": {change: set(signature.HeaderSignature, strings.Repeat("v2,a ", 16)+vectorSignature), want: signature.ErrMalformedHeader},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header, body := vectorHeader(vectorSignature), vectorBody
			if test.change != nil {
				test.change(header)
			}
			if test.body != "" {
				body = test.body
			}
			message, err := signature.Verify(header, []byte(body), vectorTime.Add(test.now), signature.DefaultTolerance, shared)
			require.ErrorIs(t, err, test.want)
			require.Zero(t, message)
		})
	}

	_, err = signature.Verify(vectorHeader(vectorSignature), []byte(vectorBody), vectorTime, 0)
	require.ErrorIs(t, err, signature.ErrNoVerifyingKey)
	_, err = signature.Verify(vectorHeader(vectorSignature), []byte(vectorBody), vectorTime, 0, signature.Secret{}, signature.PublicKey{}, nil)
	require.ErrorIs(t, err, signature.ErrNoMatch, "a zero key matches nothing")
}

func TestVerifyAcceptsUpToTheToleranceBothWays(t *testing.T) {
	t.Parallel()
	shared, err := signature.ParseSecret(vectorSecret)
	require.NoError(t, err)
	for _, away := range []time.Duration{-5 * time.Minute, 0, 5 * time.Minute} {
		_, err := signature.Verify(vectorHeader("v2,later "+vectorSignature), []byte(vectorBody), vectorTime.Add(away), signature.DefaultTolerance, shared)
		require.NoError(t, err)
	}
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := secret(t)
	for _, id := range []string{"", "a.b", "a b", "é", "a\n", strings.Repeat("a", 257)} {
		_, err := signature.Sign(id, vectorTime, nil, key)
		require.ErrorIs(t, err, signature.ErrInvalidMessage, "%q", id)
	}
	_, err := signature.Sign("a", time.Unix(-1, 0), nil, key)
	require.ErrorIs(t, err, signature.ErrInvalidMessage)
	_, err = signature.Sign("a", vectorTime, nil)
	require.ErrorIs(t, err, signature.ErrInvalidMessage)
	for _, empty := range []signature.SigningKey{nil, signature.Secret{}, signature.PrivateKey{}} {
		_, err = signature.Sign("a", vectorTime, nil, key, empty)
		require.ErrorIs(t, err, signature.ErrInvalidMessage)
		require.ErrorIs(t, signature.SetHeaders(http.Header{}, "a", vectorTime, nil, empty), signature.ErrInvalidMessage)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(vectorSignature)
	f.Add(vectorSignature + " " + vectorAsymmetric)
	f.Add("v2,x v1,AA==")
	f.Add(" , ,v1")
	f.Fuzz(func(t *testing.T, value string) {
		signatures, err := signature.ParseHeader(value)
		if err != nil {
			require.ErrorIs(t, err, signature.ErrMalformedHeader)
			require.Nil(t, signatures)
			return
		}
		require.Len(t, signatures, strings.Count(value, " ")+1)
		require.LessOrEqual(t, len(signatures), 16)
		for _, entry := range signatures {
			known := entry.Version == signature.VersionHMAC || entry.Version == signature.VersionEd25519
			require.Equal(t, known, entry.Bytes != nil, "%+v", entry)
		}
	})
}
