// Package conformance tries out the connector of a ticketing vendor: it tells
// the vendor's test system what happens at its counter, gives it an address to
// send to, and judges what arrives there and what has become of it here.
//
// The address is a stage: everything that comes in is handed to the real API,
// in a sandbox, except where a scenario wants the answer to get lost, the
// server to be busy, the key to be another. Nothing is simulated on our side
// but those faults. A run ends with a report that is signed, so that a vendor
// can show it and an institution can check it.
package conformance
