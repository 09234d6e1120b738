package apikey_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/access/apikey"
)

// example was computed outside this package, with Python's zlib.crc32.
const example = "pv_test_rk_0123456789AB_abcdefghijklmnopqrstuvwxyzABCDEF2i9qQL"

var (
	modes = []apikey.Mode{apikey.Live, apikey.Test}
	kinds = []apikey.Kind{apikey.Secret, apikey.Publishable, apikey.Restricted}
)

func generate(t require.TestingT, mode apikey.Mode, kind apikey.Kind) apikey.Key {
	key, err := apikey.Generate(mode, kind)
	require.NoError(t, err)
	return key
}

func TestGeneratedKeysHaveTheDocumentedForm(t *testing.T) {
	t.Parallel()
	form := regexp.MustCompile(`^pv_(live|test)_(sk|pk|rk)_([0-9A-Za-z]{12})_([0-9A-Za-z]{32})[0-9A-Za-z]{6}$`)
	seen := map[string]bool{}
	for _, mode := range modes {
		for _, kind := range kinds {
			key := generate(t, mode, kind)
			text := key.Reveal()
			parts := form.FindStringSubmatch(text)
			require.NotNil(t, parts, text)
			require.Len(t, text, apikey.Length)
			require.Equal(t, []string{string(mode), string(kind), key.ID()}, parts[1:4])
			require.Equal(t, sha256.Sum256([]byte(parts[4])), key.Hash())

			parsed, err := apikey.Parse(text)
			require.NoError(t, err)
			require.Equal(t, text, parsed.Reveal())
			require.Equal(t, mode, parsed.Mode())
			require.Equal(t, kind, parsed.Kind())
			require.Equal(t, key.ID(), parsed.ID())
			require.False(t, seen[key.ID()])
			seen[key.ID()] = true
		}
	}
}

func TestParseReadsAnIndependentlyComputedKey(t *testing.T) {
	t.Parallel()
	key, err := apikey.Parse(example)
	require.NoError(t, err)
	require.Equal(t, apikey.Test, key.Mode())
	require.Equal(t, apikey.Restricted, key.Kind())
	require.Equal(t, "0123456789AB", key.ID())
	require.Equal(t, sha256.Sum256([]byte("abcdefghijklmnopqrstuvwxyzABCDEF")), key.Hash())
	require.Equal(t, example, key.Reveal())
}

func TestGenerateRefusesUnknownModesAndKinds(t *testing.T) {
	t.Parallel()
	_, err := apikey.Generate("staging", apikey.Secret)
	require.Error(t, err)
	_, err = apikey.Generate(apikey.Live, "")
	require.Error(t, err)
}

// Every byte value at every position of one key, which is the whole space of
// one-character changes.
func TestAnyOneCharacterChangeIsRefused(t *testing.T) {
	t.Parallel()
	text := generate(t, apikey.Live, apikey.Secret).Reveal()
	for position := range text {
		for value := range 256 {
			if text[position] == byte(value) {
				continue
			}
			changed := []byte(text)
			changed[position] = byte(value)
			_, err := apikey.Parse(string(changed))
			require.ErrorIs(t, err, apikey.ErrMalformed, "%q", changed)
		}
		_, err := apikey.Parse(text[:position] + text[position+1:])
		require.ErrorIs(t, err, apikey.ErrMalformed, "without character %d", position)
		_, err = apikey.Parse(text[:position] + "0" + text[position:])
		require.ErrorIs(t, err, apikey.ErrMalformed, "with one character more at %d", position)
	}
}

func TestDamagedKeysAreRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		text := generate(rt, rapid.SampledFrom(modes).Draw(rt, "mode"), rapid.SampledFrom(kinds).Draw(rt, "kind")).Reveal()
		position := rapid.IntRange(0, len(text)-2).Draw(rt, "position")
		changed := []byte(text)
		changed[position], changed[position+1] = changed[position+1], changed[position]
		if string(changed) != text {
			_, err := apikey.Parse(string(changed))
			require.ErrorIs(rt, err, apikey.ErrMalformed, "two neighbours swapped")
		}
		changed = []byte(text)
		changed[position] = rapid.Byte().Draw(rt, "byte")
		_, err := apikey.Parse(string(changed))
		require.Equal(rt, string(changed) == text, err == nil)
	})
}

// These carry a right checksum, so that only the form is wrong.
func TestWellSummedTextsOfAnotherFormAreRefused(t *testing.T) {
	t.Parallel()
	id, secret := strings.Repeat("a", 12), strings.Repeat("b", 32)
	for _, body := range []string{
		"xx_live_sk_" + id + "_" + secret,
		"pv_prod_sk_" + id + "_" + secret,
		"pv_live_xk_" + id + "_" + secret,
		"pv_live_sk_" + id + "a_" + secret[1:],
		"pv_live_sk_" + id[1:] + "_" + secret + "b",
		"pv_live_sk_" + id[1:] + "-_" + secret,
		"pv_live_sk_" + id + "_" + secret[1:] + "é"[:1],
		"pv_live_sk_" + id + "_" + secret[1:] + "_",
		"pv_live_sk_" + id + "b" + secret,
		"PV_live_sk_" + id + "_" + secret,
	} {
		require.Len(t, body, apikey.Length-6)
		_, err := apikey.Parse(body + apikey.Checksum(body))
		require.ErrorIs(t, err, apikey.ErrMalformed, "%q", body)
	}
	good := "pv_live_sk_" + id + "_" + secret
	_, err := apikey.Parse(good + apikey.Checksum(good))
	require.NoError(t, err)
}

func TestMatches(t *testing.T) {
	t.Parallel()
	key, other := generate(t, apikey.Live, apikey.Secret), generate(t, apikey.Live, apikey.Secret)
	hash, otherHash := key.Hash(), other.Hash()
	require.True(t, key.Matches(hash[:]))
	require.False(t, key.Matches(otherHash[:]))
	require.False(t, key.Matches(hash[:31]))
	require.False(t, key.Matches(nil))
	require.True(t, apikey.Equal(hash[:], bytes.Clone(hash[:])))
	require.False(t, apikey.Equal(nil, nil), "two absent hashes are not a match")

	emptyHash := apikey.Key{}.Hash()
	require.False(t, apikey.Key{}.Matches(emptyHash[:]), "the zero key matches nothing")
}

func TestTheSecretIsNotPrinted(t *testing.T) {
	t.Parallel()
	key := generate(t, apikey.Live, apikey.Secret)
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("key", "key", key)
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", key)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, key)
	}
	fmt.Fprintf(&out, "%+v", struct{ Key apikey.Key }{key})
	require.NoError(t, json.NewEncoder(&out).Encode(map[string]any{"key": key}))

	secret := key.Reveal()[len("pv_live_sk_")+apikey.IDLength+1 : apikey.Length-6]
	require.NotContains(t, out.String(), secret)
	require.NotContains(t, out.String(), fmt.Sprintf("%x", secret))
	require.Equal(t, "pv_live_sk_"+key.ID()+"_[redacted]", key.String())
	_, err := apikey.Parse(key.String())
	require.ErrorIs(t, err, apikey.ErrMalformed)
}

func FuzzParse(f *testing.F) {
	f.Add(example)
	f.Add("")
	f.Add("pv_live_sk__")
	f.Fuzz(func(t *testing.T, text string) {
		key, err := apikey.Parse(text)
		if err != nil {
			require.Equal(t, apikey.ErrMalformed, err)
			require.Equal(t, apikey.Key{}, key)
			return
		}
		require.Equal(t, text, key.Reveal())
	})
}
