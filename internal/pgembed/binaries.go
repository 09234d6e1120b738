package pgembed

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// oldestMajor is the first version with everything the schema and the tests use
// (CREATE DATABASE … STRATEGY, security_invoker views).
const oldestMajor = 15

// binaries is a folder of PostgreSQL programs that were seen to run.
type binaries struct {
	dir     string
	version string
	major   int
}

func (b binaries) path(program string) string { return filepath.Join(b.dir, program) }

// findBinaries looks in cfg.BinDir only, if that is given; otherwise on the
// machine, and then fetches. made is the major version of the cluster that is to
// be served, 0 for a new one: only that version can read it.
func findBinaries(ctx context.Context, acct account, cfg Config, made int) (binaries, error) {
	if cfg.BinDir != "" {
		found, err := inspect(acct, cfg.BinDir)
		if err != nil {
			return binaries{}, fmt.Errorf("the PostgreSQL programs of PARVIS_PG_BIN_DIR cannot be used: %w", err)
		}
		if made != 0 && found.major != made {
			return binaries{}, wrongMajor(made, fmt.Errorf("%s is version %s", found.dir, found.version))
		}
		return found, nil
	}
	found, refused := choose(acct, candidates(), made)
	if refused == nil {
		return found, nil
	}
	fetched, err := fetch(ctx, cfg, acct, made)
	if err == nil {
		return fetched, nil
	}
	refused = errors.Join(refused, err)
	if made != 0 {
		return binaries{}, wrongMajor(made, refused)
	}
	return binaries{}, fmt.Errorf("no usable PostgreSQL on this machine: install version %d or later "+
		"(apt-get install postgresql), or set PARVIS_DATABASE_URL to a server you have (%w)", oldestMajor, oneLine(refused))
}

func wrongMajor(made int, reason error) error {
	return fmt.Errorf("the database was made by PostgreSQL %d, which only PostgreSQL %d can read: install it "+
		"(apt-get install postgresql-%d) or set PARVIS_PG_BIN_DIR to it; to move to a newer one, "+
		"dump with the old version and restore with the new one (%w)", made, made, made, oneLine(reason))
}

// oneLine keeps a list of reasons readable inside a sentence.
func oneLine(err error) error {
	return fmt.Errorf("%s", strings.ReplaceAll(err.Error(), "\n", "; "))
}

// choose takes the first usable folder, or says of each why it is not.
func choose(acct account, dirs []string, made int) (binaries, error) {
	var refused error
	for _, dir := range dirs {
		found, err := inspect(acct, dir)
		if err == nil && made != 0 && found.major != made {
			err = fmt.Errorf("%s is version %s", dir, found.version)
		}
		if err == nil {
			return found, nil
		}
		refused = errors.Join(refused, err)
	}
	if refused == nil {
		refused = errors.New("there is none")
	}
	return binaries{}, refused
}

// candidates lists the folders where packages put PostgreSQL: the one on PATH,
// then those of Debian, of PGDG's RPMs and of Homebrew, newest first.
func candidates() []string {
	var dirs []string
	if program, err := exec.LookPath("postgres"); err == nil {
		// A link on PATH leads to the folder with the other programs.
		if target, err := filepath.EvalSymlinks(program); err == nil {
			dirs = append(dirs, filepath.Dir(target))
		}
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",
		"/usr/pgsql-*/bin",
		"/opt/homebrew/opt/postgresql@*/bin",
		"/usr/local/opt/postgresql@*/bin",
	} {
		found, _ := filepath.Glob(pattern)
		slices.SortFunc(found, func(a, b string) int { return majorInPath(b) - majorInPath(a) })
		for _, dir := range found {
			if !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
	}
	return dirs
}

var lastNumber = regexp.MustCompile(`(\d+)/bin$`)

func majorInPath(dir string) int {
	match := lastNumber.FindStringSubmatch(dir)
	if match == nil {
		return 0
	}
	major, _ := strconv.Atoi(match[1])
	return major
}

var versionLine = regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`)

// inspect runs the programs of a folder under the account that will run them.
func inspect(acct account, dir string) (binaries, error) {
	b := binaries{dir: dir}
	if _, err := os.Stat(b.path("initdb")); err != nil {
		return binaries{}, fmt.Errorf("%s has no program initdb", dir)
	}
	output, err := acct.run(b.path("postgres"), "--version")
	if err != nil {
		return binaries{}, fmt.Errorf("%s does not run as %s: %w", b.path("postgres"), acct.name, err)
	}
	match := versionLine.FindStringSubmatch(output)
	if match == nil {
		return binaries{}, fmt.Errorf("%s --version does not name a PostgreSQL version", b.path("postgres"))
	}
	b.version = match[1]
	if b.major, err = strconv.Atoi(match[2]); err != nil {
		return binaries{}, fmt.Errorf("%s has the version %s: %w", dir, b.version, err)
	}
	if b.major < oldestMajor {
		return binaries{}, fmt.Errorf("%s is version %s, at least %d is needed", dir, b.version, oldestMajor)
	}
	if share := b.shareDir(acct); share != "" {
		if _, err := os.Stat(filepath.Join(share, "extension", "pg_trgm.control")); err != nil {
			return binaries{}, fmt.Errorf("%s (version %s) lacks the contrib extension pg_trgm: install the contrib package (apt-get install postgresql-contrib, dnf install postgresql%d-contrib)",
				dir, b.version, b.major)
		}
	}
	return b, nil
}

// shareDir is where the extensions lie, or empty if that cannot be told; the
// server itself then complains when an extension is missing.
func (b binaries) shareDir(acct account) string {
	if output, err := acct.run(b.path("pg_config"), "--sharedir"); err == nil {
		return strings.TrimSpace(output)
	}
	root := filepath.Dir(b.dir)
	for _, dir := range []string{
		filepath.Join(root, "share", "postgresql"),
		filepath.Join(root, "share"),
		filepath.Join("/usr/share/postgresql", strconv.Itoa(b.major)),
	} {
		if _, err := os.Stat(filepath.Join(dir, "postgres.bki")); err == nil {
			return dir
		}
	}
	return ""
}
