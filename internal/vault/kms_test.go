package vault_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/vault"
)

// transit answers as the transit engine does, and refuses whatever that would
// refuse: another method, path, token, member or encoding.
type transit struct {
	t        testing.TB
	mu       sync.Mutex
	token    string
	versions [][]byte
	failures int // answered with 503 before it works
	calls    atomic.Int64
}

func newTransit(t testing.TB) (*transit, string) {
	t.Helper()
	s := &transit{t: t, token: "hvs.one"}
	s.rotate()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return s, server.URL
}

func (s *transit) rotate() {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	s.versions = append(s.versions, key)
}

func (s *transit) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

var transitText = regexp.MustCompile(`^vault:v(\d+):(.+)$`)

func (s *transit) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls.Add(1)
	answer := func(status int, body any) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(body)
	}
	refuse := func(status int, text string) { answer(status, map[string][]string{"errors": {text}}) }
	if s.failures > 0 {
		s.failures--
		refuse(http.StatusServiceUnavailable, "Vault is sealed")
		return
	}
	if r.Header.Get("X-Vault-Token") != s.token {
		refuse(http.StatusForbidden, "permission denied")
		return
	}
	raw, err := io.ReadAll(r.Body)
	decoder := json.NewDecoder(strings.NewReader(string(raw)))
	decoder.DisallowUnknownFields()
	var in struct {
		Plaintext      *string `json:"plaintext"`
		Ciphertext     *string `json:"ciphertext"`
		AssociatedData string  `json:"associated_data"`
	}
	if err != nil || r.Method != http.MethodPost || decoder.Decode(&in) != nil {
		refuse(http.StatusBadRequest, "error parsing JSON")
		return
	}
	about, err := base64.StdEncoding.DecodeString(in.AssociatedData)
	if err != nil {
		refuse(http.StatusBadRequest, "failed to base64-decode associated_data")
		return
	}
	sealer := func(version int) cipher.AEAD {
		block, err := aes.NewCipher(s.versions[version-1])
		require.NoError(s.t, err)
		a, err := cipher.NewGCMWithRandomNonce(block)
		require.NoError(s.t, err)
		return a
	}
	switch r.URL.Path {
	case "/v1/transit/encrypt/parvis":
		if in.Plaintext == nil || in.Ciphertext != nil {
			refuse(http.StatusBadRequest, "missing plaintext to encrypt")
			return
		}
		plain, err := base64.StdEncoding.DecodeString(*in.Plaintext)
		if err != nil {
			refuse(http.StatusBadRequest, "failed to base64-decode plaintext")
			return
		}
		version := len(s.versions)
		text := fmt.Sprintf("vault:v%d:%s", version, base64.StdEncoding.EncodeToString(sealer(version).Seal(nil, nil, plain, about)))
		answer(http.StatusOK, map[string]any{"data": map[string]any{"ciphertext": text, "key_version": version}})
	case "/v1/transit/decrypt/parvis":
		var m []string
		if in.Ciphertext != nil {
			m = transitText.FindStringSubmatch(*in.Ciphertext)
		}
		if m == nil || in.Plaintext != nil {
			refuse(http.StatusBadRequest, "invalid ciphertext: no prefix")
			return
		}
		version, _ := strconv.Atoi(m[1])
		sealed, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil || version < 1 || version > len(s.versions) {
			refuse(http.StatusBadRequest, "invalid ciphertext: could not decode base64")
			return
		}
		plain, err := sealer(version).Open(nil, nil, sealed, about)
		if err != nil {
			refuse(http.StatusBadRequest, "cipher: message authentication failed")
			return
		}
		answer(http.StatusOK, map[string]any{"data": map[string]any{"plaintext": base64.StdEncoding.EncodeToString(plain)}})
	default:
		refuse(http.StatusNotFound, "no handler for route")
	}
}

func client(t testing.TB, url string, change func(*vault.KMSConfig)) *vault.KMS {
	t.Helper()
	c := vault.KMSConfig{URL: url, Key: "parvis", Token: "hvs.one"}
	if change != nil {
		change(&c)
	}
	k, err := vault.NewKMS(c)
	require.NoError(t, err)
	return k
}

func TestTheKeyServiceWrapsAndUnwraps(t *testing.T) {
	t.Parallel()
	service, url := newTransit(t)
	k := client(t, url, nil)
	key := seal.Generate()
	wrapped, by, err := k.Wrap(t.Context(), key, []byte("tenant 1"))
	require.NoError(t, err)
	require.Equal(t, "kms:parvis:v1", by)
	service.rotate()
	again, err := k.Unwrap(t.Context(), by, wrapped, []byte("tenant 1"))
	require.NoError(t, err)
	require.Equal(t, key, again)
	now, err := k.Current(t.Context())
	require.NoError(t, err)
	require.Equal(t, "kms:parvis:v2", now)
	_, err = k.Unwrap(t.Context(), by, wrapped, []byte("tenant 2"))
	require.ErrorContains(t, err, "message authentication failed")
	_, err = k.Unwrap(t.Context(), "kms:another:v1", wrapped, []byte("tenant 1"))
	require.ErrorIs(t, err, vault.ErrUnknownKey)
	_, err = k.Unwrap(t.Context(), by, []byte("not its text"), []byte("tenant 1"))
	require.ErrorIs(t, err, vault.ErrOpen)
}

func TestTheKeyServiceIsAskedAgainWhenItHelps(t *testing.T) {
	t.Parallel()
	service, url := newTransit(t)
	service.set(func() { service.failures = 2 })
	_, _, err := client(t, url, nil).Wrap(t.Context(), seal.Generate(), nil)
	require.NoError(t, err, "a service that comes back within the attempts")

	service.calls.Store(0)
	_, _, err = client(t, url, func(c *vault.KMSConfig) { c.Token = "hvs.wrong" }).Wrap(t.Context(), seal.Generate(), nil)
	require.ErrorContains(t, err, "permission denied")
	require.EqualValues(t, 1, service.calls.Load(), "a refusal is not asked again")

	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte("hvs.one\n"), 0o600))
	k := client(t, url, func(c *vault.KMSConfig) { c.Token, c.TokenFile = "", file })
	_, _, err = k.Wrap(t.Context(), seal.Generate(), nil)
	require.NoError(t, err)
	service.set(func() { service.token = "hvs.two" })
	_, _, err = k.Wrap(t.Context(), seal.Generate(), nil)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(file, []byte("hvs.two\n"), 0o600))
	_, _, err = k.Wrap(t.Context(), seal.Generate(), nil)
	require.NoError(t, err, "the agent's new token is taken up")
}

func TestKeysDoNotTravelInTheClear(t *testing.T) {
	t.Parallel()
	for _, c := range []vault.KMSConfig{
		{URL: "http://vault.example", Key: "parvis", Token: "t"}, {URL: "https://me:word@vault.example", Key: "parvis", Token: "t"},
		{URL: "https://vault.example", Key: "../keys", Token: "t"}, {URL: "https://vault.example", Key: "parvis"},
		{URL: "https://vault.example", Mount: "../sys", Key: "parvis", Token: "t"}, {URL: "vault", Key: "parvis", Token: "t"},
	} {
		_, err := vault.NewKMS(c)
		require.Error(t, err, "%+v", c)
	}
}

// An installation moves from its master key to a service and back; what was
// sealed stays readable throughout.
func TestAnInstallationMovesToAKeyServiceAndBack(t *testing.T) {
	t.Parallel()
	service, url := newTransit(t)
	db, master := parvistest.Database(t), seal.Generate()
	first := parvistest.NewOn(t, db, parvistest.WithMasterKey(master))
	tenant := first.Tenant
	field := first.Vault().Sealer(vault.Column{Table: "mails", Column: "body_sealed", Key: "id", KeyType: "uuid"})
	scope := first.App.DB.Tenant(tenant)
	sealed, err := field.Seal(t.Context(), scope, tenant, "r", []byte("text"))
	require.NoError(t, err)
	first.Stop()

	with := func(leaving bool) parvistest.Option {
		return parvistest.WithConfig(func(c *config.Config) {
			c.KMSURL, c.KMSKey, c.KMSToken, c.KMSLeaving = url, "parvis", "hvs.one", leaving
		})
	}
	move := func(want string, options ...parvistest.Option) {
		app := parvistest.NewOn(t, db, append(options, parvistest.WithMasterKey(master))...)
		defer app.Stop()
		done, err := app.Vault().Rewrap(t.Context())
		require.NoError(t, err)
		require.Equal(t, want, done.By)
		require.NotZero(t, done.Keys)
		former, lost, err := app.Vault().Foreign(t.Context())
		require.NoError(t, err)
		require.Zero(t, former+lost)
		plain, err := app.Vault().Sealer(vault.Column{Table: "mails", Column: "body_sealed", Key: "id", KeyType: "uuid"}).
			Open(t.Context(), app.App.DB.Tenant(tenant), tenant, "r", sealed)
		require.NoError(t, err)
		require.Equal(t, "text", string(plain))
	}
	move("kms:parvis:v1", with(false))
	service.rotate()
	move("kms:parvis:v2", with(false))
	local, err := vault.NewLocal(must(seal.NewMaster(master))).Current(t.Context())
	require.NoError(t, err)
	move(local, with(true))
	service.set(func() { service.token = "nobody's" })
	again := parvistest.NewOn(t, db, parvistest.WithMasterKey(master))
	_, lost, err := again.Vault().Foreign(t.Context())
	require.NoError(t, err)
	require.Zero(t, lost)
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
