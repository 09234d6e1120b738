// Package accounts signs people in with a password, for an institution that has
// no identity provider, and keeps everybody's sessions.
//
// Passwords are set by a link that is mailed, never by somebody else; they are
// kept as Argon2id (RFC 9106), and are long rather than complicated: CNIL
// recommendation 2022-100 and NIST SP 800-63B ask for throttled attempts and
// for no common or breached password. A session is a refresh token, good for
// one exchange at a time, and short access tokens; both end within a second of
// the session. Nothing here tells a stranger whether an address is known:
// neither text, nor status, nor time.
package accounts
