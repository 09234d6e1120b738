// Package web is everything between a socket and a domain: who is calling,
// what the contract allows, how a repeated request is answered, how a fault
// becomes a problem (RFC 9457). Domains know its Actor and its cursors; they
// never see a request.
package web
