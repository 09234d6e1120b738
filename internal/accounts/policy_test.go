package accounts

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/parvis-crm/parvis/internal/fault"
)

// The examples of the deliberation, and how it counts them.
func TestEntropyIsCountedAsTheDeliberationDoes(t *testing.T) {
	t.Parallel()
	twelve := "aB3!aB3!aB3!"
	require.InDelta(t, 79.55, bits(twelve), 0.01)
	require.True(t, enough(bits(twelve), 80), "12 characters of all four kinds count as 80 bits")
	require.True(t, enough(bits("aB3aB3aB3aB3aB"), 80), "14 of three kinds too")
	require.False(t, enough(bits("aB3!aB3!aB3"), 80))
	require.False(t, enough(bits("12345678901234"), throttledBits))
	require.Zero(t, bits(""))
}

func TestWhatIsRefusedAndWhatIsNot(t *testing.T) {
	t.Parallel()
	s := &Service{}
	around := []string{"Théâtre des Arcades", "Inès Marchand", "ines.marchand@arcades.example"}
	for password, code := range map[string]string{
		"":                                   "password-short",
		"quatorze signe":                     "password-short",
		"aaaaaaaaaaaaaaa":                    "password-common",
		"abcabcabcabcabcabc":                 "password-common",
		"123456789012345":                    "password-common",
		"azertyuiopqsdfghjklm":               "password-common",
		"Password123456789!":                 "password-common",
		"P@ssw0rdP@ssw0rd":                   "password-common",
		"motdepasse2026!!":                   "password-common",
		"Mot de passe 2026":                  "password-common",
		"theatredesarcades1":                 "password-common",
		"Théâtre des Arcades 12":             "password-common",
		"ines.marchand@arcades.example":      "password-common",
		"InesMarchand2026":                   "password-common",
		"parvisparvis2026":                   "password-common",
		"bonjour soleil 123":                 "password-common",
		"1qaz2wsx3edc4rfv":                   "password-common",
		"with\x00control characters":         "password-characters",
		strings.Repeat("long et varié ", 40): "too-long",
		"quatre lanternes au fond":           "",
		"cheval batterie agrafe correct":     "",
		"               vide et long      ":  "",
		"日本語の長いパスワードを使います": "", //nolint:gosmopolitan // letters of any script count
		"xK9$mQ2vL7pRw4Zt":                      "",
		strings.Repeat("Zèbre, 7 navets ? ", 8): "",
	} {
		err := s.checkPassword(password, "#/password", around...)
		if code == "" {
			require.NoError(t, err, password)
			continue
		}
		f, ok := fault.As(err)
		require.True(t, ok, password)
		require.Equal(t, code, f.Violations[0].Code, password)
	}
}

// Whatever is typed, the check answers; and a repetition says no more than its unit.
func TestAnyPasswordIsJudged(t *testing.T) {
	t.Parallel()
	s := &Service{}
	rapid.Check(t, func(r *rapid.T) {
		password := rapid.String().Draw(r, "password")
		_ = s.checkPassword(password, "#/password")
		unit := rapid.StringMatching(`[a-z0-9]{1,7}`).Draw(r, "unit")
		require.Error(t, s.checkPassword(strings.Repeat(unit, 40/len(unit)), "#/password"))
	})
}

func TestComposedOrNotAPasswordIsTheSame(t *testing.T) {
	t.Parallel()
	h := newHasher(8)
	hash, err := h.hash(t.Context(), "une été à la mer du Nord")
	require.NoError(t, err)
	ok, outdated, err := h.verify(t.Context(), "une e\u0301te\u0301 a\u0300 la mer du Nord", hash)
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, outdated)
	_, outdated, err = newHasher(64).verify(t.Context(), "whatever", hash)
	require.NoError(t, err)
	require.True(t, outdated)
	for _, bad := range []string{"x", "$argon2i$v=19$m=8,t=1,p=1$AAAA$AAAA", "$argon2id$v=19$m=99999999,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"} {
		_, _, err := h.verify(t.Context(), "x", bad)
		require.Error(t, err)
	}
}

// However many ask, few hashes are under way, and too many are told to wait.
func TestHashingIsBounded(t *testing.T) {
	t.Parallel()
	h := newHasher(8)
	for range cap(h.slots) {
		require.NoError(t, h.enter(t.Context()))
	}
	var refused atomic.Int64
	full := make(chan struct{})
	var all sync.WaitGroup
	for range cap(h.slots)*queuedPerSlot + 10 {
		all.Go(func() {
			_, err := h.hash(t.Context(), "x")
			if fault.Is(err, "unavailable") && refused.Add(1) == 10 {
				close(full)
			}
		})
	}
	<-full
	for range cap(h.slots) {
		h.leave()
	}
	all.Wait()
	require.EqualValues(t, 10, refused.Load())
}

func TestBreachedPasswordsAreFoundInAList(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 1000 {
		sum := sha1.Sum(fmt.Appendf(nil, "quatre lanternes et %d pommes", i))
		lines = append(lines, strings.ToUpper(hex.EncodeToString(sum[:]))+fmt.Sprintf(":%d", i*i*i))
	}
	slices.Sort(lines)
	for _, end := range []string{"\n", "\r\n"} {
		path := filepath.Join(t.TempDir(), "breached.txt")
		require.NoError(t, os.WriteFile(path, []byte(strings.Join(lines, end)+end), 0o600))
		b, err := openBreached(path)
		require.NoError(t, err)
		s := &Service{breached: b}
		for i := range 1000 {
			err := s.checkPassword(fmt.Sprintf("quatre lanternes et %d pommes", i), "#/password")
			f, ok := fault.As(err)
			require.True(t, ok, "%d: %v", i, err)
			require.Equal(t, "password-breached", f.Violations[0].Code)
			require.NoError(t, s.checkPassword(fmt.Sprintf("quatre lanternes et %d poires", i), "#/password"))
		}
	}
	none, err := openBreached("")
	require.NoError(t, err)
	require.Nil(t, none)
	_, err = openBreached("/nowhere/at/all")
	require.Error(t, err)
	path := filepath.Join(t.TempDir(), "words.txt")
	require.NoError(t, os.WriteFile(path, []byte("password\n123456\n"), 0o600))
	_, err = openBreached(path)
	require.Error(t, err)
}
