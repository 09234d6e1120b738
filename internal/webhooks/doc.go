// Package webhooks delivers the events of the log to the addresses that an
// institution names, signed as Standard Webhooks 1.0.0 defines it.
//
// What is promised: every event that matches an endpoint is delivered at least
// once, each attempt under the same webhook-id and freshly signed with both
// schemes (v1 and v1a). What is not promised is order: attempts begin in the
// order of the log, but eight at a time, and a retry comes later than what
// followed. `sequence` and `data.version` let a receiver drop what is stale.
//
// Events are sent on behalf of whoever made the endpoint: nothing goes out that
// this principal could not read when it goes. The fan-out looks once for each maker
// and batch, a lane once for all that it has under way.
//
// How it works: the fan-out reads the log after a durable cursor of the tenant
// and writes one delivery row per endpoint and event. Each endpoint has a queue
// with a lease; the process that holds it runs a lane for the endpoint, so that
// an endpoint has at most eight requests open in the whole installation and a
// dead receiver holds up nobody but itself. Results of all lanes are recorded
// together, hundreds to a statement. A process that dies between an attempt and
// its record leaves the lease to run out, and the delivery is made again.
package webhooks
