package signature_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/webhooks/signature"
)

func serialised(prefix string, size int) string {
	return prefix + base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xA5}, size))
}

func TestGeneratedKeysSurviveSerialisation(t *testing.T) {
	t.Parallel()
	shared, pair := secret(t), privateKey(t)
	require.NotEqual(t, shared.Reveal(), secret(t).Reveal())
	require.NotEqual(t, pair.Reveal(), privateKey(t).Reveal())

	sharedAgain, err := signature.ParseSecret(shared.Reveal())
	require.NoError(t, err)
	require.Equal(t, shared.Reveal(), sharedAgain.Reveal())
	pairAgain, err := signature.ParsePrivateKey(pair.Reveal())
	require.NoError(t, err)
	require.Equal(t, pair.Reveal(), pairAgain.Reveal())
	public, err := signature.ParsePublicKey(pair.Public().String())
	require.NoError(t, err)
	require.Equal(t, pair.Public().Ed25519(), public.Ed25519())
}

func TestBothSpellingsOfAPrivateKey(t *testing.T) {
	t.Parallel()
	short, err := signature.ParsePrivateKey(vectorPrivate)
	require.NoError(t, err)
	long, err := signature.ParsePrivateKey(short.Reveal())
	require.NoError(t, err)
	require.Equal(t, short.Reveal(), long.Reveal())

	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(short.Reveal(), "whsk_"))
	require.NoError(t, err)
	raw[63] ^= 1
	_, err = signature.ParsePrivateKey("whsk_" + base64.StdEncoding.EncodeToString(raw))
	require.ErrorIs(t, err, signature.ErrMalformedKey)
}

func TestMalformedKeys(t *testing.T) {
	t.Parallel()
	parse := map[string]func(string) error{
		"whsec_": func(text string) error { _, err := signature.ParseSecret(text); return err },
		"whsk_":  func(text string) error { _, err := signature.ParsePrivateKey(text); return err },
		"whpk_":  func(text string) error { _, err := signature.ParsePublicKey(text); return err },
	}
	for prefix, check := range parse {
		for _, text := range []string{
			"", prefix, prefix + "????", "whxx_" + serialised("", 32), serialised(prefix, 23), serialised(prefix, 65),
			serialised(prefix, 32) + "\n", strings.TrimRight(serialised(prefix, 32), "="), serialised("", 32),
			// A last character whose unused bits are set: a second spelling.
			prefix + strings.Repeat("A", 42) + "B=",
		} {
			err := check(text)
			require.ErrorIs(t, err, signature.ErrMalformedKey, "%q", text)
		}
	}
	for _, size := range []int{24, 64} {
		require.NoError(t, parse["whsec_"](serialised("whsec_", size)), "%d bytes", size)
	}
}

func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	shared, pair := secret(t), privateKey(t)
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, nil))
	log.Info("keys", "shared", shared, "pair", pair)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb+verb, shared, pair)
	}
	fmt.Fprintf(&out, "%+v", struct{ Secret signature.Secret }{shared})

	text := out.String()
	require.Contains(t, text, "whsec_[redacted]")
	require.Contains(t, text, "whsk_[redacted]")
	for _, revealed := range []string{shared.Reveal(), pair.Reveal()} {
		_, encoded, _ := strings.Cut(revealed, "_")
		raw, err := base64.StdEncoding.DecodeString(encoded)
		require.NoError(t, err)
		require.NotContains(t, text, encoded)
		require.NotContains(t, text, fmt.Sprintf("%x", raw))
		require.NotContains(t, text, fmt.Sprintf("%v", raw))
	}
	require.Zero(t, signature.PrivateKey{}.Public())
}
