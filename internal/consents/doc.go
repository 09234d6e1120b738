// Package consents is the ledger of what each person has agreed to or refused:
// for one purpose, by one channel, at one address, towards one controller, with
// the proof of it (GDPR art. 7(1)).
//
// The ledger only grows. What counts today, or counted on any day, is derived
// from it: of two answers the later counts, in the same instant the stricter;
// an answer holds for the address it was given for and for no other; and an
// answer that waits for its confirmation neither permits anything nor takes
// anything away.
package consents
