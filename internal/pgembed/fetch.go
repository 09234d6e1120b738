package pgembed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"
)

// fetchable are the versions the library knows how to fetch.
func fetchable(major int) (embeddedpostgres.PostgresVersion, bool) {
	switch major {
	case 0, 18:
		return embeddedpostgres.V18, true
	case 17:
		return embeddedpostgres.V17, true
	case 16:
		return embeddedpostgres.V16, true
	case 15:
		return embeddedpostgres.V15, true
	default:
		return "", false
	}
}

// fetch downloads PostgreSQL into the cache, or finds it there. The library
// checks the digest of what it downloads.
func fetch(ctx context.Context, cfg Config, acct account, made int) (binaries, error) {
	version, ok := fetchable(made)
	if !ok {
		return binaries{}, fmt.Errorf("PostgreSQL %d cannot be fetched", made)
	}
	cache, err := cacheDir(cfg, acct)
	if err != nil {
		return binaries{}, err
	}
	whole := filepath.Join(cache, "postgresql-"+string(version))
	if _, err := os.Stat(whole); err == nil {
		return inspect(acct, filepath.Join(whole, "bin"))
	}
	cfg.Logger.Info("fetching PostgreSQL, because this machine has none that fits", "version", string(version), "into", cache)

	scratch, err := os.MkdirTemp(cache, "fetch-")
	if err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	// The library cannot be told to stop. What it still writes into scratch
	// after ctx has ended goes when it is done.
	unpacked := make(chan error, 1)
	go func() {
		err := unpack(version, scratch)
		if ctx.Err() != nil {
			_ = os.RemoveAll(scratch)
		}
		unpacked <- err
	}()
	select {
	case <-ctx.Done():
		return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", ctx.Err())
	case err = <-unpacked:
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	if err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL %s: %w", version, err)
	}
	if err := os.Chmod(filepath.Join(scratch, "postgresql"), 0o755); err != nil {
		return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
	}
	// Another process may have put the same thing there meanwhile.
	if err := os.Rename(filepath.Join(scratch, "postgresql"), whole); err != nil && !errors.Is(err, os.ErrExist) {
		if _, statErr := os.Stat(whole); statErr != nil {
			return binaries{}, fmt.Errorf("fetch PostgreSQL: %w", err)
		}
	}
	return inspect(acct, filepath.Join(whole, "bin"))
}

// unpack leaves the programs in scratch/postgresql. The library has no call that
// only fetches; it starts what it fetched. It is given a data folder that claims
// to be made already but is empty of everything else, so that it fetches,
// unpacks, and then fails to start a server, whatever account this is. Success
// is that the programs are there.
func unpack(version embeddedpostgres.PostgresVersion, scratch string) error {
	programs := filepath.Join(scratch, "postgresql")
	nothing := filepath.Join(scratch, "nothing")
	if err := os.Mkdir(nothing, 0o700); err != nil {
		return err
	}
	major, _, _ := strings.Cut(string(version), ".")
	if err := os.WriteFile(filepath.Join(nothing, "PG_VERSION"), []byte(major+"\n"), 0o600); err != nil {
		return err
	}
	library := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().
		Version(version).
		Port(0).
		CachePath(filepath.Join(scratch, "archive")).
		RuntimePath(filepath.Join(scratch, "runtime")).
		BinariesPath(programs).
		DataPath(nothing).
		Logger(io.Discard))
	err := library.Start()
	if err == nil {
		return errors.Join(errors.New("the library started a server on an empty folder"), library.Stop())
	}
	if _, statErr := os.Stat(filepath.Join(programs, "bin", "postgres")); statErr != nil {
		return err
	}
	return nil
}

// cacheDir must be readable by the account that runs the programs.
func cacheDir(cfg Config, acct account) (string, error) {
	dir := cfg.CacheDir
	if dir == "" && acct.switched {
		dir = "/var/cache/parvis"
	}
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache folder: %w", err)
		}
		dir = filepath.Join(user, "parvis")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create the cache folder: %w", err)
	}
	if !acct.canEnter(dir) {
		return "", fmt.Errorf("the account %s, which runs PostgreSQL, cannot reach the cache folder %s", acct.name, dir)
	}
	return dir, nil
}
