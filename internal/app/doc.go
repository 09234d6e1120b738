// Package app is the only place that knows everything: it builds the domains,
// joins them to the contract, and runs the server and the workers. A missing
// operation is a compile error in domains.go.
package app
