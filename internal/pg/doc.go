// Package pg is the road to PostgreSQL: the pool, the scope that every
// statement carries, transactions, migrations, and the translation of what the
// database refuses into faults.
//
// The scope (which tenant may be seen) travels with the statement, never with
// the connection: it is set for the length of one implicit or explicit
// transaction, in the same round trip as the statement it protects, so nothing
// is left on a connection and a transaction-pooling proxy is safe.
package pg
