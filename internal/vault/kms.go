package vault

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"time"
)

// KMSConfig is how a key management service that speaks the transit API of
// HashiCorp Vault (or OpenBao) is reached.
type KMSConfig struct {
	// URL of the service, https (http only on this machine).
	URL string
	// Mount is the path of the transit engine; "transit" if empty.
	Mount string
	// Key is the name of the key, of a type that takes associated data
	// (aes256-gcm96, the default, or chacha20-poly1305).
	Key string
	// Token, or TokenFile, which is read again when the service refuses.
	Token     string
	TokenFile string
	// Namespace of the service's enterprise form; usually empty.
	Namespace string
	// Client makes the calls; one with sound limits if nil.
	Client *http.Client
}

// KMS wraps keys by a key management service: the key that wraps never leaves
// it.
type KMS struct {
	config KMSConfig
	base   string

	mu    sync.Mutex
	token string
}

const (
	kmsTimeout  = 10 * time.Second
	kmsAttempts = 3
	kmsPause    = 200 * time.Millisecond
	kmsAnswer   = 64 << 10
)

var (
	kmsName       = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)
	kmsMount      = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$`)
	kmsCiphertext = regexp.MustCompile(`^vault:v([1-9][0-9]{0,8}):[A-Za-z0-9+/=_-]+$`)
)

// NewKMS makes the client. It calls nobody yet.
func NewKMS(c KMSConfig) (*KMS, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil {
		return nil, errors.New("vault: PARVIS_KMS_URL is not the URL of a service")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())) {
		return nil, errors.New("vault: PARVIS_KMS_URL must be https, or keys would travel in the clear")
	}
	if c.Mount == "" {
		c.Mount = "transit"
	}
	if !kmsName.MatchString(c.Key) || !kmsMount.MatchString(c.Mount) || strings.Contains(c.Mount, "..") {
		return nil, errors.New("vault: PARVIS_KMS_KEY or PARVIS_KMS_MOUNT is not the name of one")
	}
	if c.Token == "" && c.TokenFile == "" {
		return nil, errors.New("vault: set PARVIS_KMS_TOKEN_FILE (or PARVIS_KMS_TOKEN)")
	}
	if c.Client == nil {
		c.Client = &http.Client{Timeout: kmsTimeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	}
	return &KMS{config: c, base: strings.TrimRight(c.URL, "/") + "/v1/" + strings.Trim(c.Mount, "/"), token: c.Token}, nil
}

func (k *KMS) id(version string) string { return kmsPrefix + k.config.Key + ":v" + version }

// Current implements Wrapper: the service alone knows its latest version, so a
// probe is wrapped.
func (k *KMS) Current(ctx context.Context) (string, error) {
	_, by, err := k.Wrap(ctx, []byte("probe"), []byte("probe"))
	return by, err
}

// Wrap implements Wrapper.
func (k *KMS) Wrap(ctx context.Context, key, about []byte) ([]byte, string, error) {
	var answer struct {
		Data struct {
			Ciphertext string `json:"ciphertext"`
		} `json:"data"`
	}
	err := k.call(ctx, "encrypt", map[string]string{
		"plaintext": base64.StdEncoding.EncodeToString(key), "associated_data": base64.StdEncoding.EncodeToString(about),
	}, &answer)
	if err != nil {
		return nil, "", err
	}
	version := kmsCiphertext.FindStringSubmatch(answer.Data.Ciphertext)
	if version == nil {
		return nil, "", errors.New("vault: the key management service answered with no ciphertext")
	}
	return []byte(answer.Data.Ciphertext), k.id(version[1]), nil
}

// Unwrap implements Wrapper.
func (k *KMS) Unwrap(ctx context.Context, by string, wrapped, about []byte) ([]byte, error) {
	if !k.Knows(by) {
		return nil, fmt.Errorf("%w: %s", ErrUnknownKey, by)
	}
	if !kmsCiphertext.Match(wrapped) {
		return nil, ErrOpen
	}
	var answer struct {
		Data struct {
			Plaintext string `json:"plaintext"`
		} `json:"data"`
	}
	err := k.call(ctx, "decrypt", map[string]string{
		"ciphertext": string(wrapped), "associated_data": base64.StdEncoding.EncodeToString(about),
	}, &answer)
	if err != nil {
		return nil, err
	}
	key, err := base64.StdEncoding.DecodeString(answer.Data.Plaintext)
	if err != nil || len(key) == 0 {
		return nil, errors.New("vault: the key management service answered with no plaintext")
	}
	return key, nil
}

// Knows implements Wrapper.
func (k *KMS) Knows(by string) bool { return strings.HasPrefix(by, kmsPrefix+k.config.Key+":v") }

// call posts to the service, again where that can help.
func (k *KMS) call(ctx context.Context, action string, body map[string]string, into any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	defer clear(raw)
	for attempt := 1; ; attempt++ {
		again, err := k.once(ctx, action, raw, into)
		if err == nil || !again || attempt == kmsAttempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(kmsPause << attempt):
		}
	}
}

func (k *KMS) once(ctx context.Context, action string, raw []byte, into any) (again bool, err error) {
	token, err := k.currentToken(false)
	if err != nil {
		return false, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, k.base+"/"+action+"/"+url.PathEscape(k.config.Key), bytes.NewReader(raw))
	if err != nil {
		return false, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Vault-Token", token)
	r.Header.Set("X-Vault-Request", "true")
	if k.config.Namespace != "" {
		r.Header.Set("X-Vault-Namespace", k.config.Namespace)
	}
	response, err := k.config.Client.Do(r)
	if err != nil {
		return ctx.Err() == nil, fmt.Errorf("vault: the key management service cannot be reached: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, kmsAnswer))
	defer clear(answer)
	if err != nil {
		return true, fmt.Errorf("vault: the key management service: %w", err)
	}
	switch {
	case response.StatusCode == http.StatusOK:
		if err := json.Unmarshal(answer, into); err != nil {
			return false, errors.New("vault: the key management service answered with something else than JSON")
		}
		return false, nil
	case response.StatusCode == http.StatusForbidden && k.config.TokenFile != "":
		// Its agent may have put a new token in place.
		fresh, err := k.currentToken(true)
		return err == nil && fresh != token, refusal(response.StatusCode, answer)
	}
	return response.StatusCode == http.StatusTooManyRequests || response.StatusCode >= http.StatusInternalServerError, refusal(response.StatusCode, answer)
}

// refusal says what the service says, which never repeats a key.
func refusal(status int, answer []byte) error {
	var said struct {
		Errors []string `json:"errors"`
	}
	_ = json.Unmarshal(answer, &said)
	return fmt.Errorf("vault: the key management service refuses (%d): %s", status, strings.Join(said.Errors, "; "))
}

func (k *KMS) currentToken(again bool) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.token != "" && !again {
		return k.token, nil
	}
	raw, err := os.ReadFile(k.config.TokenFile)
	if err != nil {
		return "", fmt.Errorf("vault: PARVIS_KMS_TOKEN_FILE cannot be read: %w", err)
	}
	if k.token = strings.TrimSpace(string(raw)); k.token == "" {
		return "", errors.New("vault: PARVIS_KMS_TOKEN_FILE is empty")
	}
	return k.token, nil
}
