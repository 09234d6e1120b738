// Copyright the Parvis maintainers. Licensed under the Apache License 2.0.

// Command ticketing-vendor shows how a ticketing system pushes its orders: it
// reads pages of orders in the shape pretix gives them, says them in the
// neutral form, and sends them to the batch API. It needs nothing but the
// standard library.
//
//	go run ./examples/ticketing-vendor -url http://127.0.0.1:8080 -key-file .parvis/admin.key -source demo
//
// Sending twice, or in another order (-shuffle), leads to the same state.
package main
