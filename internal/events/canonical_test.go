package events

import (
	"crypto/sha256"
	"encoding/json"
	"testing"

	"github.com/google/uuid"
	"github.com/gowebpki/jcs"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
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

func anyEnvelope() *rapid.Generator[Envelope] {
	return rapid.Custom(func(t *rapid.T) Envelope {
		id := func(label string) (u uuid.UUID) {
			copy(u[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label))
			return u
		}
		facts, err := json.Marshal(rapid.MapOfN(rapid.String(), anyJSON(2), 0, 4).Draw(t, "facts"))
		if err != nil {
			t.Fatal(err)
		}
		e := Envelope{
			ID: id("id"), Type: rapid.String().Draw(t, "type"), Timestamp: rapid.String().Draw(t, "at"), Sequence: rapid.Int64().Draw(t, "n"),
			APIVersion: "v1", Tenant: id("tenant"), Test: rapid.Bool().Draw(t, "test"),
			Actor:     EnvelopeWho{rapid.String().Draw(t, "kind"), rapid.String().Draw(t, "actor")},
			Causation: Causation{rapid.String().Draw(t, "request"), rapid.String().Draw(t, "source")},
			Data: EnvelopeData{Object: rapid.String().Draw(t, "object"), ID: id("subject"), Version: rapid.Int64().Draw(t, "version"),
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
func asAReaderDoes(tb require.TestingT, e Envelope) []byte {
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
		direct, err := e.appendChained(nil)
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
		got, err := canonicalJSON(nil, raw)
		require.NoError(t, err)
		require.Equal(t, string(want), string(got))
	})
}

func TestTheChainCoversWhatWasRecordedAndNothingElse(t *testing.T) {
	t.Parallel()
	e := Envelope{Type: "contact.created", Data: EnvelopeData{Facts: json.RawMessage(`{}`), URL: "/v1/contacts/x"}}
	before, err := Chain(make([]byte, 32), e)
	require.NoError(t, err)
	require.Len(t, before, sha256.Size)

	e.Data.URL, e.APIVersion, e.Test, e.Digest = "/v2/people/x", "v2", true, "00"
	same, err := Chain(make([]byte, 32), e)
	require.NoError(t, err)
	require.Equal(t, before, same)

	e.Type = "contact.updated"
	other, err := Chain(make([]byte, 32), e)
	require.NoError(t, err)
	require.NotEqual(t, before, other)
}

func TestNumbersThatDoNotSurviveAreKeptToTheLastDigit(t *testing.T) {
	t.Parallel()
	canonical, digest, err := changesOf([]Change{{Pointer: "/n", Before: json.Number("9007199254740993"), After: json.Number("0.1")}})
	require.NoError(t, err)
	require.JSONEq(t, `[{"pointer":"/n","before":"9007199254740993","after":0.1}]`, string(canonical))
	again, err := ChangesDigest(canonical)
	require.NoError(t, err)
	require.Equal(t, digest, again)

	_, err = factsOf(map[string]any{"n": int64(9007199254740993)})
	require.ErrorContains(t, err, "9007199254740993")
	for _, n := range []json.Number{"0", "-1", "12.50", "1e3", "100000000000000000000", "9007199254740992"} {
		require.True(t, exact(n), n)
	}
}

func BenchmarkChain(b *testing.B) {
	e := row{id: uuid.New(), tenant: uuid.New(), typ: "contact.updated", subjectKind: "contact", subjectID: uuid.New(), subjectVersion: 18,
		actorKind: "api_key", actorID: uuid.NewString(), requestID: uuid.NewString(), source: "ticketing:main",
		changed: []string{"/family_name", "/given_name"}, facts: json.RawMessage(`{"amount": 1250, "state": "paid"}`), changesDigest: make([]byte, 32)}.envelope(48121)
	b.Run("direct", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := Chain(make([]byte, 32), e); err != nil {
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
