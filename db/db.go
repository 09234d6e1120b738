// Package db carries the schema of Parvis: the migrations, embedded, in the
// order of their numbers. They are applied by pg.Migrate and never edited once
// released; a change is a new pair of files.
package db

import (
	"embed"
	"strconv"
	"strings"
)

// Migrations holds migrations/NNNNNN_name.{up,down}.sql.
//
//go:embed migrations/*.sql
var Migrations embed.FS

// LastMigration is the number of the newest migration: the version of the
// schema that this program works with.
func LastMigration() uint {
	files, err := Migrations.ReadDir("migrations")
	if err != nil {
		return 0 // An embedded folder can be read.
	}
	var last uint64
	for _, f := range files {
		number, _, _ := strings.Cut(f.Name(), "_")
		if n, err := strconv.ParseUint(number, 10, 32); err == nil {
			last = max(last, n)
		}
	}
	return uint(last)
}
