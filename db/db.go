// Package db carries the schema of Parvis: the migrations, embedded, in the
// order of their numbers. They are applied by pg.Migrate and never edited once
// released; a change is a new pair of files.
package db

import "embed"

// Migrations holds migrations/NNNNNN_name.{up,down}.sql.
//
//go:embed migrations/*.sql
var Migrations embed.FS
