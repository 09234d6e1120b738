// Package archive is the file in which an institution takes all its data away:
// a zip that anyone can open without Parvis, holding one NDJSON file a table,
// a JSON Schema for each, a data dictionary in French and English, the contract
// and a signed manifest. The package writes and reads such files, proves them
// intact and compares two of them; it knows nothing of the database.
//
// Records are canonical (RFC 8785: members sorted, one spelling of each value),
// one a line (NDJSON), sorted by primary key, so that equal data gives equal
// bytes.
package archive
