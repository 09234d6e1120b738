// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

// Package boxoffice is a small ticketing system with a connector to Parvis: a
// till that knows orders as tills do (money in the smallest unit, times as the
// clock on the wall shows them), a mapping to the neutral form, an outbox that
// survives lost answers, busy servers and replaced keys, and the hook by which
// `parvis conformance` tells it what happens. It passes every scenario, and
// needs nothing but the standard library.
//
// Read outbox.go first: it is what most connectors get wrong.
package boxoffice
