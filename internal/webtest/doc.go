// Package webtest tries package web in the whole program, as those who call it
// meet it. Its tests are not beside what they try because package web has tests of
// its inside: with both in one folder Go builds everything that imports package
// web a second time, which is all there is.
package webtest
