package parvistest

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"

	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"github.com/parvis-crm/parvis/db"
	"github.com/parvis-crm/parvis/internal/pg"
)

// productSchema is the schema of this program: our migrations and those of the
// job library. What pg.Migrate does besides is in its source, which is part of
// the digest where the tests run beside it.
func productSchema() (schema, error) {
	jobs, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Schema: pg.JobSchema})
	if err != nil {
		return schema{}, fmt.Errorf("list the migrations of the job library: %w", err)
	}
	var more []string
	for _, migration := range jobs.AllVersions() {
		more = append(more, strconv.Itoa(migration.Version), migration.SQLUp)
	}
	if _, here, _, ok := runtime.Caller(0); ok {
		if source, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "pg", "migrate.go")); err == nil {
			more = append(more, string(source))
		}
	}
	hash, err := hashFiles(db.Migrations, more...)
	if err != nil {
		return schema{}, err
	}
	return schema{hash: hash, migrate: pg.Migrate}, nil
}
