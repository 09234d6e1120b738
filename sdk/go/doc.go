// Package parvis is the Go client of the Parvis API, generated from
// openapi.yaml, with a few lines of convenience. It depends on nothing of the
// server.
package parvis
