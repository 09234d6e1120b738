// Package federation lets the users of an institution's own identity provider
// in: it accepts the provider's tokens as bearer tokens.
//
// Everything that a token is judged by was written down before it came: the
// issuer, letter by letter, whom its tokens must be meant for, where its keys
// are and which algorithms it signs with (RFC 8725, RFC 9068, OpenID Connect
// Core 1.0 §3.1.3.7). Which provider a token is judged by is decided before any
// key is fetched. A person is an issuer and a subject: the same subject at two
// issuers is two persons, and nobody is found by their address.
package federation
