package events_test

import (
	"crypto/sha256"
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/events"
)

func anyJSON(depth int) *rapid.Generator[any] {
	leaf := []*rapid.Generator[any]{
		rapid.Custom(func(t *rapid.T) any { return rapid.String().Draw(t, "s") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Float64().Draw(t, "f") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "i") }),
		rapid.Custom(func(t *rapid.T) any { return rapid.Bool().Draw(t, "b") }),
		rapid.Just[any](nil),
	}
	if depth == 0 {
		return rapid.OneOf(leaf...)
	}
	return rapid.OneOf(append(leaf,
		rapid.Custom(func(t *rapid.T) any {
			return rapid.SliceOfN(anyJSON(depth-1), 0, 4).Draw(t, "a")
		}),
		rapid.Custom(func(t *rapid.T) any {
			return rapid.MapOfN(rapid.String(), anyJSON(depth-1), 0, 5).Draw(t, "o")
		}),
	)...)
}

func anyEnvelope() *rapid.Generator[events.Envelope] {
	return rapid.Custom(func(t *rapid.T) events.Envelope {
		id := func(label string) (u uuid.UUID) {
			copy(u[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
			return u
		}
		facts, err := json.Marshal(rapid.MapOfN(rapid.String(), anyJSON(2), 0, 4).Draw(t, "facts"))
		if err != nil {
			t.Fatal(err)
		}
		e := events.Envelope{
			ID: id("id"), Type: rapid.String().Draw(t, "type"), Timestamp: rapid.String().Draw(t, "at"), Sequence: rapid.Int64().Draw(t, "n"),
			APIVersion: "v1", Tenant: id("tenant"), Test: rapid.Bool().Draw(t, "test"),
			Actor:     events.EnvelopeWho{rapid.String().Draw(t, "kind"), rapid.String().Draw(t, "actor")},
			Causation: events.Causation{rapid.String().Draw(t, "request"), rapid.String().Draw(t, "source")},
			Data: events.EnvelopeData{Object: rapid.String().Draw(t, "object"), ID: id("subject"), Version: rapid.Int64().Draw(t, "version"),
				Changed: rapid.SliceOf(rapid.String()).Draw(t, "changed"), Facts: facts, URL: "x"},
		}
		if e.Data.Changed == nil {
			e.Data.Changed = []string{}
		}
		if rapid.Bool().Draw(t, "has changes") {
			d := rapid.StringMatching(`[0-9a-f]{64}`).Draw(t, "changes digest")
			e.ChangesDigest = &d
		}
		return e
	})
}

// asAReaderDoes computes what the chain covers from the JSON that the feed
// serves, with a public implementation of RFC 8785.
func asAReaderDoes(tb require.TestingT, e events.Envelope) []byte {
	raw, err := json.Marshal(e)
	require.NoError(tb, err)
	var m map[string]json.RawMessage
	require.NoError(tb, json.Unmarshal(raw, &m))
	for _, name := range []string{"digest", "api_version", "test"} {
		delete(m, name)
	}
	var data map[string]json.RawMessage
	require.NoError(tb, json.Unmarshal(m["data"], &data))
	delete(data, "url")
	m["data"], err = json.Marshal(data)
	require.NoError(tb, err)
	raw, err = json.Marshal(m)
	require.NoError(tb, err)
	canonical, err := jcs.Transform(raw)
	require.NoError(tb, err)
	return canonical
}

func TestTheDirectEncoderEqualsRFC8785(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		e := anyEnvelope().Draw(t, "envelope")
		direct, err := e.AppendChained(nil)
		require.NoError(t, err)
		require.Equal(t, string(asAReaderDoes(t, e)), string(direct))
	})
}

func TestCanonicalValuesEqualRFC8785(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		raw, err := json.Marshal(map[string]any{"v": anyJSON(3).Draw(t, "value")})
		require.NoError(t, err)
		want, err := jcs.Transform(raw)
		require.NoError(t, err)
		got, err := events.CanonicalJSON(nil, raw)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

func TestTheChainCoversWhatWasRecordedAndNothingElse(t *testing.T) {
	t.Parallel()
	e := events.Envelope{Type: "contact.created", Data: events.EnvelopeData{Facts: json.RawMessage(`{}`), URL: "/v1/contacts/x"}}
	before, err := events.Chain(make([]byte, 32), e)
	require.NoError(t, err)
	require.Len(t, before, sha256.Size)

	e.Data.URL, e.APIVersion, e.Test, e.Digest = "/v2/people/x", "v2", true, "00"
	same, err := events.Chain(make([]byte, 32), e)
	require.NoError(t, err)
	require.Equal(t, before, same)

	e.Type = "contact.updated"
	other, err := events.Chain(make([]byte, 32), e)
	require.NoError(t, err)
	require.NotEqual(t, before, other)
}

func TestNumbersThatDoNotSurviveAreKeptToTheLastDigit(t *testing.T) {
	t.Parallel()
	canonical, digest, err := events.CanonicalChanges([]events.Change{{Pointer: "/n", Before: json.Number("9007199254740993"), After: json.Number("0.1")}})
	require.NoError(t, err)
	require.JSONEq(t, `[{"pointer":"/n","before":"9007199254740993","after":0.1}]`, string(canonical))
	again, err := events.ChangesDigest(canonical)
	require.NoError(t, err)
	require.Equal(t, digest, again)

	_, err = events.CanonicalFacts(map[string]any{"n": int64(9007199254740993)})
	require.ErrorContains(t, err, "9007199254740993")
	for _, n := range []json.Number{"0", "-1", "12.50", "1e3", "100000000000000000000", "9007199254740992"} {
		require.True(t, events.Exact(n), n)
	}
}

func BenchmarkChain(b *testing.B) {
	digest := strings.Repeat("00", sha256.Size)
	e := events.Envelope{
		ID: uuid.New(), Type: "contact.updated", Timestamp: "2026-01-15T18:30:00.000000Z", Sequence: 48121, APIVersion: "v1", Tenant: uuid.New(),
		Actor: events.EnvelopeWho{Kind: "api_key", ID: uuid.NewString()}, Causation: events.Causation{RequestID: uuid.NewString(), Source: "ticketing:main"},
		Data:          events.EnvelopeData{Object: "contact", ID: uuid.New(), Version: 18, Changed: []string{"/family_name", "/given_name"}, Facts: json.RawMessage(`{"amount": 1250, "state": "paid"}`)},
		ChangesDigest: &digest,
	}
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := events.Chain(make([]byte, 32), e); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("jcs", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			raw, err := json.Marshal(e)
			if err != nil {
				b.Fatal(err)
			}
			canonical, err := jcs.Transform(raw)
			if err != nil {
				b.Fatal(err)
			}
			sha256.Sum256(canonical)
		}
	})
}
