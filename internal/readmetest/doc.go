// Package readmetest runs the README's own commands, as a newcomer would, and
// fails where the page no longer tells the truth.
package readmetest
