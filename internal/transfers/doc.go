// Package transfers is leaving with all the data, and coming in with it: the
// export of an institution into an archive that anyone can read, and the import
// of such an archive into an installation where that institution is not yet.
//
// Everything is driven by the schema. Columns, keys and references come from
// the database's catalogue at run time; this package only knows which tables
// leave (tables.go), which values must not, and what each column means
// (dictionary/*.tsv). A test fails when a migration adds a table or column that
// is named in neither place.
//
// An import keeps every identifier, the institution's own included: events are
// chained by digests that contain it, and the chain is to be verifiable on the
// other side as it was here.
package transfers
