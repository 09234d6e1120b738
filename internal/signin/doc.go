// Package signin signs people in by a browser with an identity provider of
// their institution: the authorization code flow of OpenID Connect, in the
// profile that each provider asks for.
//
// A front end begins a sign-in, sends the browser to the provider, gets it back
// with a code and exchanges the code for a session. No token is ever in an
// address, and what one front end began no other can end: the code is of use
// only with the secret whose hash came with the beginning (RFC 7636). What the
// provider answers is judged by what was written down before: its issuer,
// letter by letter, the one algorithm of each of its signatures, whom the token
// is for, the nonce, the instant, and how the person proved who they are
// (OpenID Connect Core 1.0 §3.1.3.7, RFC 9700). A person is an issuer and a
// subject, never an address.
package signin
