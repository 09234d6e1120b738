package web

import (
	"strconv"
	"strings"

	"github.com/parvis-crm/parvis/internal/fault"
)

// ETag writes a version as a strong entity tag (RFC 9110 §8.8.3).
func ETag(version int64) string { return `"` + strconv.FormatInt(version, 10) + `"` }

// IfMatch reads the condition of a change. It returns nil where there is none,
// zero for "*", which any present version meets, and otherwise the version. A
// tag that is not a version of ours can match nothing.
func IfMatch(header *string) (*int64, error) {
	if header == nil || *header == "" {
		return nil, nil
	}
	text := strings.TrimSpace(*header)
	if text == "*" {
		return new(int64), nil
	}
	inner, ok := strings.CutPrefix(text, `"`)
	if ok {
		inner, ok = strings.CutSuffix(inner, `"`)
	}
	if !ok || strings.Contains(inner, `"`) { // weak, or one of several: which was read is not known
		return nil, fault.New(fault.Malformed, "invalid-request").AtHeader("If-Match", "format", "want", `"version"`)
	}
	version, err := strconv.ParseInt(inner, 10, 64)
	if err != nil || version < 1 {
		return nil, fault.New(fault.Stale, "precondition-failed")
	}
	return &version, nil
}

// CheckVersion compares a condition with the present version and returns the
// 412 that carries it.
func CheckVersion(want *int64, present int64) error {
	if want == nil || *want == 0 || *want == present {
		return nil
	}
	return fault.New(fault.Stale, "stale-version").With("current_version", present).
		Extra("current_version", present).Header("ETag", ETag(present))
}
