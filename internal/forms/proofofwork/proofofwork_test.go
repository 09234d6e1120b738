package proofofwork_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
)

const formID = "0198c0de-0000-7000-8000-000000000001"

var (
	easySecret = bytes.Repeat([]byte{7}, 32)
	issuedAt   = time.Date(2026, 11, 23, 10, 15, 0, 0, time.UTC)
)

// easy solves in about a millisecond.
func easy(t require.TestingT) *proofofwork.Issuer {
	issuer, err := proofofwork.New(proofofwork.Config{Secret: easySecret, Cost: 2, MinCounter: 20, MaxCounter: 40})
	require.NoError(t, err)
	return issuer
}

func issue(t require.TestingT, issuer *proofofwork.Issuer) proofofwork.Challenge {
	challenge, err := issuer.Issue(formID, issuedAt)
	require.NoError(t, err)
	return challenge
}

func solve(t *testing.T, challenge proofofwork.Challenge) proofofwork.Solution {
	t.Helper()
	solution, err := proofofwork.Solve(t.Context(), challenge)
	require.NoError(t, err)
	return solution
}

func payload(t require.TestingT, challenge proofofwork.Challenge, solution proofofwork.Solution) string {
	text, err := proofofwork.Payload(challenge, solution)
	require.NoError(t, err)
	return text
}

func TestASolvedChallengeIsAccepted(t *testing.T) {
	t.Parallel()
	issuer := easy(t)
	challenge := issue(t, issuer)
	solution := solve(t, challenge)
	require.GreaterOrEqual(t, solution.Counter, uint32(20))
	require.LessOrEqual(t, solution.Counter, uint32(40))

	result, err := issuer.Verify(payload(t, challenge, solution), formID, issuedAt.Add(3*time.Second))
	require.NoError(t, err)
	require.Equal(t, proofofwork.Result{
		Nonce:     challenge.Parameters.Nonce,
		IssuedAt:  issuedAt,
		ExpiresAt: issuedAt.Add(10 * time.Minute),
	}, result)

	sameSecret := easy(t)
	_, err = sameSecret.Verify(payload(t, challenge, solution), formID, issuedAt)
	require.NoError(t, err, "another process with the same secret accepts it")
}

// recorded is what the pbkdf2 worker of the npm package altcha 3.2.2 made of a
// challenge issued here under easySecret.
const recorded = "eyJjaGFsbGVuZ2UiOnsicGFyYW1ldGVycyI6eyJhbGdvcml0aG0iOiJQQktERjIvU0hBLTI1NiIsImNvc3QiOjMsImRhdGEiOnsi" +
	"Zm9ybV9pZCI6ImZvcm0tMTwmPiIsImlzc3VlZF9hdCI6MTc5NTQzNjcyOH0sImV4cGlyZXNBdCI6MTc5NTQzNzMyOCwia2V5TGVu" +
	"Z3RoIjozMiwia2V5UHJlZml4IjoiNGE2N2VmNDJiZTkwNzc0MzA5YTkyNWExZjNiOTk4ZDEiLCJrZXlTaWduYXR1cmUiOiJlNTAx" +
	"ZWViYjY0OGUyYTFjNWU3OTNmMTk0YmNmODllZDE4MTFiMzNmOGMwOTc1ZTI0NzYwY2JlNzM4YTk5N2U5Iiwibm9uY2UiOiIxZWRk" +
	"MmVkMzg5ZDE1YmU0MzM5YjBhMDlhMDI0MzVmZCIsInNhbHQiOiI1YjBlNGU5OGNlY2EyZGY5NTFhM2QzYzI0ZWY4NmI1MCJ9LCJz" +
	"aWduYXR1cmUiOiJhNDNjNjRlNDRhYWY5OGJkMzdhYzRiYmE5N2I2ZDVjYTFlOTg4NTU5ZTlkNTljMGU1M2ZlZmZiMzZiYmNmYjk4" +
	"In0sInNvbHV0aW9uIjp7ImNvdW50ZXIiOjQwLCJkZXJpdmVkS2V5IjoiNGE2N2VmNDJiZTkwNzc0MzA5YTkyNWExZjNiOTk4ZDEw" +
	"MzM2MmUxYThmMzc4NTZkNzk2MmJiZWEwNmQ2ZTg0YiIsInRpbWUiOjI3LjF9fQ=="

func TestThePayloadOfTheWidgetIsAccepted(t *testing.T) {
	t.Parallel()
	at := time.Unix(1795436728, 0).UTC()
	result, err := easy(t).Verify(recorded, "form-1<&>", at)
	require.NoError(t, err)
	require.Equal(t, proofofwork.Result{
		Nonce: "1edd2ed389d15be4339b0a09a02435fd", IssuedAt: at, ExpiresAt: at.Add(10 * time.Minute),
	}, result)

	var sent struct {
		Challenge proofofwork.Challenge
		Solution  proofofwork.Solution
	}
	decoded, err := base64.StdEncoding.DecodeString(recorded)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(decoded, &sent))
	ours := solve(t, sent.Challenge)
	require.Equal(t, sent.Solution.Counter, ours.Counter)
	require.Equal(t, sent.Solution.DerivedKey, ours.DerivedKey)
}

func TestTheChallengeHasTheFormTheWidgetReads(t *testing.T) {
	t.Parallel()
	issuer, err := proofofwork.New(proofofwork.Config{Secret: easySecret})
	require.NoError(t, err)
	encoded, err := json.Marshal(issue(t, issuer))
	require.NoError(t, err)
	var seen struct {
		Parameters map[string]any
		Signature  string
	}
	require.NoError(t, json.Unmarshal(encoded, &seen))
	for name, size := range map[string]int{"nonce": 16, "salt": 16, "keyPrefix": 16, "keySignature": 32} {
		raw, err := hex.DecodeString(seen.Parameters[name].(string))
		require.NoError(t, err)
		require.Len(t, raw, size, name)
		delete(seen.Parameters, name)
	}
	require.Len(t, seen.Signature, 64)
	require.Equal(t, map[string]any{
		"algorithm": "PBKDF2/SHA-256",
		"cost":      5000.0,
		"keyLength": 32.0,
		"expiresAt": float64(issuedAt.Unix() + 600),
		"data":      map[string]any{"form_id": formID, "issued_at": float64(issuedAt.Unix())},
	}, seen.Parameters)
}

func TestChallengesDiffer(t *testing.T) {
	t.Parallel()
	issuer := easy(t)
	first, second := issue(t, issuer), issue(t, issuer)
	require.NotEqual(t, first.Parameters.Nonce, second.Parameters.Nonce)
	require.NotEqual(t, first.Parameters.Salt, second.Parameters.Salt)

	_, err := issuer.Verify(payload(t, second, solve(t, first)), formID, issuedAt)
	require.ErrorIs(t, err, proofofwork.ErrWrongSolution, "one answer does not fit two challenges")
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	issuer := easy(t)
	challenge := issue(t, issuer)
	solution := solve(t, challenge)
	stranger, err := proofofwork.New(proofofwork.Config{Secret: bytes.Repeat([]byte{8}, 32), Cost: 2, MinCounter: 20, MaxCounter: 40})
	require.NoError(t, err)

	type sent struct {
		challenge proofofwork.Challenge
		solution  proofofwork.Solution
		formID    string
		now       time.Time
		issuer    *proofofwork.Issuer
	}
	tests := map[string]struct {
		change func(*sent)
		want   error
	}{
		"another form":             {func(s *sent) { s.formID = "other" }, proofofwork.ErrWrongForm},
		"another secret":           {func(s *sent) { s.issuer = stranger }, proofofwork.ErrWrongSignature},
		"expired":                  {func(s *sent) { s.now = issuedAt.Add(10 * time.Minute) }, proofofwork.ErrExpired},
		"no signature":             {func(s *sent) { s.challenge.Signature = "" }, proofofwork.ErrWrongSignature},
		"form changed":             {func(s *sent) { s.formID, s.challenge.Parameters.Data.FormID = "other", "other" }, proofofwork.ErrWrongSignature},
		"issue time changed":       {func(s *sent) { s.challenge.Parameters.Data.IssuedAt-- }, proofofwork.ErrWrongSignature},
		"expiry put off":           {func(s *sent) { s.challenge.Parameters.ExpiresAt++ }, proofofwork.ErrWrongSignature},
		"cost lowered":             {func(s *sent) { s.challenge.Parameters.Cost = 1 }, proofofwork.ErrWrongSignature},
		"nonce in upper case":      {func(s *sent) { s.challenge.Parameters.Nonce = strings.ToUpper(s.challenge.Parameters.Nonce) }, proofofwork.ErrWrongSignature},
		"nonce changed":            {func(s *sent) { s.challenge.Parameters.Nonce = strings.Repeat("0", 32) }, proofofwork.ErrWrongSignature},
		"salt changed":             {func(s *sent) { s.challenge.Parameters.Salt = strings.Repeat("0", 32) }, proofofwork.ErrWrongSignature},
		"prefix shortened":         {func(s *sent) { s.challenge.Parameters.KeyPrefix = "" }, proofofwork.ErrWrongSignature},
		"key signature changed":    {func(s *sent) { s.challenge.Parameters.KeySignature = "" }, proofofwork.ErrWrongSignature},
		"no solution":              {func(s *sent) { s.solution = proofofwork.Solution{} }, proofofwork.ErrWrongSolution},
		"only the published half":  {func(s *sent) { s.solution.DerivedKey = s.challenge.Parameters.KeyPrefix }, proofofwork.ErrWrongSolution},
		"the other half invented":  {func(s *sent) { s.solution.DerivedKey = s.challenge.Parameters.KeyPrefix + strings.Repeat("0", 32) }, proofofwork.ErrWrongSolution},
		"solution not hexadecimal": {func(s *sent) { s.solution.DerivedKey = strings.Repeat("z", 64) }, proofofwork.ErrWrongSolution},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sent{challenge: challenge, solution: solution, formID: formID, now: issuedAt, issuer: issuer}
			test.change(&s)
			result, err := s.issuer.Verify(payload(t, s.challenge, s.solution), s.formID, s.now)
			require.ErrorIs(t, err, test.want)
			require.Zero(t, result)
		})
	}
	_, err = issuer.Verify(payload(t, challenge, solution), formID, issuedAt.Add(10*time.Minute-time.Second))
	require.NoError(t, err, "until the second before")
}

func TestVerifyRefusesWhatIsNoPayload(t *testing.T) {
	t.Parallel()
	issuer := easy(t)
	encode := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	for text, want := range map[string]error{
		"":                        proofofwork.ErrMalformed,
		"!":                       proofofwork.ErrMalformed,
		encode("[]"):              proofofwork.ErrMalformed,
		encode("{} {}"):           proofofwork.ErrMalformed,
		strings.Repeat("A", 4100): proofofwork.ErrMalformed,
		encode("{}"):              proofofwork.ErrWrongSignature,
		encode("null"):            proofofwork.ErrWrongSignature,
		// What the widget posts in its test mode.
		encode(`{"challenge":null,"solution":null,"test":true}`): proofofwork.ErrWrongSignature,
		encode(`{"solution":{"counter":-1}}`):                    proofofwork.ErrMalformed,
	} {
		_, err := issuer.Verify(text, "", issuedAt)
		require.ErrorIs(t, err, want, "%q", text)
	}
}

// The sender may spell the JSON otherwise and add to it, as long as it says the
// same.
func TestSpellingOfTheJSONDoesNotMatter(t *testing.T) {
	t.Parallel()
	issuer := easy(t)
	challenge := issue(t, issuer)
	encoded, err := json.MarshalIndent(map[string]any{
		"solution": solve(t, challenge), "challenge": challenge, "later": true,
	}, " ", "\t")
	require.NoError(t, err)
	_, err = issuer.Verify(base64.StdEncoding.EncodeToString(encoded), formID, issuedAt)
	require.NoError(t, err)
}

func TestAnyFormCanBeBound(t *testing.T) {
	t.Parallel()
	issuer := easy(t)
	rapid.Check(t, func(rt *rapid.T) {
		id := rapid.StringMatching(`[!-~]{1,128}`).Draw(rt, "form id")
		challenge, err := issuer.Issue(id, issuedAt)
		require.NoError(rt, err)
		solution, err := proofofwork.Solve(context.Background(), challenge)
		require.NoError(rt, err)
		_, err = issuer.Verify(payload(rt, challenge, solution), id, issuedAt)
		require.NoError(rt, err)
		_, err = issuer.Verify(payload(rt, challenge, solution), id+"x", issuedAt)
		require.ErrorIs(rt, err, proofofwork.ErrWrongForm)
	})
	for _, id := range []string{"", "a b", "é", strings.Repeat("a", 129)} {
		_, err := issuer.Issue(id, issuedAt)
		require.Error(t, err, "%q", id)
	}
}

func TestSolveStopsAndRefuses(t *testing.T) {
	t.Parallel()
	challenge := issue(t, easy(t))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := proofofwork.Solve(ctx, challenge)
	require.ErrorIs(t, err, context.Canceled)

	for name, change := range map[string]func(*proofofwork.Parameters){
		"algorithm": func(p *proofofwork.Parameters) { p.Algorithm = "ARGON2ID" },
		"cost":      func(p *proofofwork.Parameters) { p.Cost = 0 },
		"length":    func(p *proofofwork.Parameters) { p.KeyLength = 16 },
		"nonce":     func(p *proofofwork.Parameters) { p.Nonce = "0" },
		"salt":      func(p *proofofwork.Parameters) { p.Salt = "zz" },
		"prefix":    func(p *proofofwork.Parameters) { p.KeyPrefix = "0" },
	} {
		changed := challenge
		change(&changed.Parameters)
		_, err := proofofwork.Solve(t.Context(), changed)
		require.ErrorIs(t, err, proofofwork.ErrUnsolvable, name)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]proofofwork.Config{
		"no secret":         {},
		"a short secret":    {Secret: easySecret[:31]},
		"a negative cost":   {Secret: easySecret, Cost: -1},
		"crossed counters":  {Secret: easySecret, MinCounter: 2, MaxCounter: 1},
		"a short life":      {Secret: easySecret, Lifetime: time.Millisecond},
		"a life in reverse": {Secret: easySecret, Lifetime: -time.Hour},
	} {
		_, err := proofofwork.New(config)
		require.Error(t, err, name)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add(recorded)
	f.Add("e30=")
	f.Add("")
	issuer := easy(f)
	genuine, err := base64.StdEncoding.DecodeString(recorded)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, text string) {
		result, err := issuer.Verify(text, "form-1<&>", time.Unix(1795436728, 0))
		if err != nil {
			require.Zero(t, result)
			return
		}
		// Only another spelling of the one genuine solution can get here.
		require.Contains(t, string(genuine), result.Nonce)
	})
}
