// Package forms is how the institution's website lets people in: definitions
// that any page can draw, and a public door that is open to strangers and
// therefore guarded in layers: origin, rate, size and schema, honeypot, time,
// proof of work, address, confirmation.
//
// What a visitor sends changes nothing about anybody until it is confirmed (or,
// where the form asks for no confirmation, until the runner applies it): before
// that only the submission exists. The answer to a visitor never tells whether
// an address is known.
package forms
