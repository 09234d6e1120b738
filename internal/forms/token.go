package forms

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	// tokenLife is how long a page may stay open before it is sent.
	tokenLife = 24 * time.Hour
	// linkLife is how long a confirmation link is good for.
	linkLife = 48 * time.Hour
	linkSize = 24 // bytes: 192 bits
)

func (s *Service) mac(use string, parts ...string) []byte {
	m := hmac.New(sha256.New, s.config.Secret)
	m.Write([]byte("forms " + use + "\x00" + strings.Join(parts, "\x00")))
	return m.Sum(nil)
}

// issueToken says when which version of a form was handed to a visitor, so
// that a submission is proof of what was shown.
func (s *Service) issueToken(form uuid.UUID, version int64, at time.Time) string {
	head := fmt.Sprintf("%d.%d", version, at.UnixMilli())
	return head + "." + hex.EncodeToString(s.mac("issue", form.String(), head)[:16])
}

func (s *Service) readIssueToken(form uuid.UUID, token string) (version int64, at time.Time, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, at, false
	}
	want := hex.EncodeToString(s.mac("issue", form.String(), parts[0]+"."+parts[1])[:16])
	if !hmac.Equal([]byte(want), []byte(parts[2])) {
		return 0, at, false
	}
	version, err := strconv.ParseInt(parts[0], 10, 64)
	if err != nil {
		return 0, at, false
	}
	ms, err := strconv.ParseInt(parts[1], 10, 64)
	return version, time.UnixMilli(ms), err == nil
}

// honeypot is the name of the field that only a script fills: plausible, and
// different from form to form.
func (s *Service) honeypot(form uuid.UUID) string {
	return "website_" + hex.EncodeToString(s.mac("honeypot", form.String())[:2])
}

// newLink makes the secret of a confirmation link and what is stored of it.
func newLink() (secret string, hash []byte) {
	raw := make([]byte, linkSize)
	_, _ = rand.Read(raw) // never fails since Go 1.24: it ends the program instead
	secret = base64.RawURLEncoding.EncodeToString(raw)
	return secret, linkHash(secret)
}

func linkHash(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}
