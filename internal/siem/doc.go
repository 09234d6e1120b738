// Package siem lets what watches an institution's systems (security information
// and event management) follow its logs: by pulling them from a position on, or
// by having them sent, as syslog over TLS (RFC 5424, RFC 5425) or as lines of
// JSON over HTTPS.
//
// Nothing is queued for it. A forwarder is a place in the logs, which are there
// anyway, and moves when the receiver has taken what comes next: at least once,
// in the order of each log, however long the receiver was away.
package siem
