// Package connectors reaches ticketing systems by itself: it reads what changed
// there, takes their calls, tells them what they are to know, and compares what
// they have with what is here.
//
// A call of a vendor is a trigger and never data: it is kept as it came, and
// makes the source due; what is taken in is what the vendor answers when asked.
// Each source has one turn at a time, whichever process takes it, under a lease
// that is a row of the database: calls that come together are one turn, back-off
// and the vendor's own wish to wait are the time of the next one, and a process
// that dies leaves it to another. In a turn every stream that is due is read
// from its mark, less an overlap, since filters are inclusive and writes may
// become visible late; the mark moves only when everything was taken in.
//
// Vendors are in packages of their own, behind the port.
package connectors
