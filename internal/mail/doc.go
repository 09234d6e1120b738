// Package mail sends mail durably: a message is queued in the transaction that
// needs it, and a runner hands it to an SMTP server with patience. A message
// goes out at least once, always under the same Message-ID; a sandbox's never
// goes out, it is kept to be read (GET /v1/test/outbox).
package mail
