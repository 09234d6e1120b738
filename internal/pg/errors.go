package pg

import (
	"errors"
	"io"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/parvis-crm/parvis/internal/fault"
)

// IsNoRows reports whether err says that a query found nothing.
func IsNoRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }

// Violated reports whether err is the violation of the named constraint or
// unique index, so that a domain can turn it into its own fault.
func Violated(err error, constraint string) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.ConstraintName == constraint
}

// Translate turns what PostgreSQL refuses into a fault where that is the
// caller's business, and returns every other error as it is.
func Translate(err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return fault.NotFound().Because(err)
	}
	if Unreachable(err) {
		f := fault.New(fault.Unavailable, "unavailable").Because(err)
		f.RetryAfter = 2 * time.Second
		return f
	}
	var e *pgconn.PgError
	if !errors.As(err, &e) {
		return err
	}
	switch e.Code {
	case "23505", "23P01": // unique_violation, exclusion_violation
		return fault.New(fault.Conflict, "already-exists").Because(err)
	case "23503": // foreign_key_violation
		return fault.Invalid().Because(err).At("#", "unknown-reference")
	case "22021", "22P05": // character_not_in_repertoire, untranslatable_character
		return fault.New(fault.Malformed, "invalid-request").Because(err).At("#", "invalid-utf8")
	case "PV403": // raised by crm.refuse_verb, the verb in the detail
		return fault.New(fault.Forbidden, "verb-not-held").Because(err).With("verb", e.Detail).Extra("required_verb", e.Detail)
	case "42501": // insufficient_privilege
		if strings.Contains(e.Message, "row-level security") { // a row that would leave the principal's sight
			return fault.New(fault.Forbidden, "out-of-sight").Because(err)
		}
	case "40001", "40P01": // serialization_failure, deadlock_detected
		f := fault.New(fault.Unavailable, "unavailable").Because(err)
		f.RetryAfter = time.Second
		return f
	}
	return err
}

// Unreachable reports whether err means that the database cannot be talked to
// right now: it is stopping, starting, full of connections, or gone.
func Unreachable(err error) bool {
	if err == nil {
		return false
	}
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		// 08: connection exception, 57P: operator intervention, 53: insufficient resources
		return strings.HasPrefix(e.Code, "08") || strings.HasPrefix(e.Code, "57P") || strings.HasPrefix(e.Code, "53")
	}
	var connect *pgconn.ConnectError
	var op *net.OpError
	var name *net.DNSError
	// Not every net.Error: an error number of the system, such as a full disk,
	// passes for one.
	if errors.As(err, &connect) || errors.As(err, &op) || errors.As(err, &name) {
		return true
	}
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, pgx.ErrTxClosed) || errors.Is(err, pgx.ErrTxCommitRollback) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed") || strings.Contains(err.Error(), "closed pool")
}
