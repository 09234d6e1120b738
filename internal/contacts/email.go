package contacts

import (
	"errors"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"
)

// errNotAnAddress is what every text that cannot be mailed to gives.
var errNotAnAddress = errors.New("contacts: not an e-mail address")

// NormalizeEmail gives an address as it is compared: composed (NFC), in small
// letters, its domain in ASCII (RFC 5891). Dots and +tags stay, since they are
// different mailboxes to everyone but one provider. The local part may hold
// letters of any script (RFC 6531). Quoted local parts and address literals,
// which nobody has, are refused.
func NormalizeEmail(text string) (string, error) {
	text = norm.NFC.String(strings.TrimSpace(text))
	at := strings.LastIndexByte(text, '@')
	if at < 1 || at == len(text)-1 || !utf8.ValidString(text) {
		return "", errNotAnAddress
	}
	local, domain := text[:at], strings.TrimSuffix(text[at+1:], ".")
	if !localPart(local) {
		return "", errNotAnAddress
	}
	domain, err := idna.Lookup.ToASCII(domain)
	if err != nil || !strings.Contains(domain, ".") || len(domain) > 253 {
		return "", errNotAnAddress
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") || strings.Contains(label, "_") {
			return "", errNotAnAddress
		}
	}
	if top := domain[strings.LastIndexByte(domain, '.')+1:]; !letters(top) {
		return "", errNotAnAddress
	}
	out := norm.NFC.String(strings.ToLower(local)) + "@" + strings.ToLower(domain)
	if len(out) > 254 { // RFC 5321 §4.5.3.1.3, as corrected
		return "", errNotAnAddress
	}
	return out, nil
}

// localPart is a dot-atom of RFC 5322 §3.2.3, widened by RFC 6531 to letters
// of every script.
func localPart(s string) bool {
	if len(s) > 64 || strings.HasPrefix(s, ".") || strings.HasSuffix(s, ".") || strings.Contains(s, "..") {
		return false
	}
	for _, r := range s {
		switch {
		case r == utf8.RuneError:
			return false
		case r < utf8.RuneSelf:
			if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(".!#$%&'*+/=?^_`{|}~-", r)) {
				return false
			}
		case !unicode.IsGraphic(r) || unicode.IsSpace(r):
			return false
		}
	}
	_, err := mail.ParseAddress(s + "@example.org")
	return err == nil
}
