// Package mailtest tries package mail in the whole program, apart from the tests
// of its inside, for the reason that package webtest gives.
package mailtest
