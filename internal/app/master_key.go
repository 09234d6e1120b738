package app

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/seal"
)

// errWithoutMasterKey keeps a new key away from what a former one has sealed: the
// program would look well, and fail wherever it seals or opens.
func errWithoutMasterKey(path string) error {
	return fmt.Errorf("the database holds keys that a master key has wrapped, and there is none here: restore %s from your copy, or set PARVIS_MASTER_KEY to it", path)
}

// masterKey reads the key from the configuration, or from the data folder, where
// the first start on a database that holds no keys yet makes it.
func masterKey(ctx context.Context, cfg config.Config, database *pg.DB) ([]byte, error) {
	key, err := readMasterKey(cfg)
	if err != nil || key != nil {
		return key, err
	}
	holds, err := holdsKeys(ctx, database)
	if err != nil {
		return nil, fmt.Errorf("whether the database needs a master key that is not here cannot be told: %w", err)
	}
	if holds {
		return nil, errWithoutMasterKey(masterKeyPath(cfg))
	}
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("the data folder cannot be made: %w", err)
	}
	key = seal.Generate()
	f, err := os.OpenFile(masterKeyPath(cfg), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, os.ErrExist) {
		return readMasterKey(cfg) // another process was first
	}
	if err != nil {
		return nil, fmt.Errorf("the master key cannot be kept: %w", err)
	}
	_, err = f.WriteString(base64.StdEncoding.EncodeToString(key) + "\n")
	return key, errors.Join(err, f.Sync(), f.Close())
}

// holdsKeys tells whether a database has keys of institutions, which one without
// the schema has not.
func holdsKeys(ctx context.Context, database *pg.DB) (holds bool, err error) {
	var known bool
	err = database.Unscoped().QueryRow(ctx, "select to_regprocedure('crm.tenants_with_vault_keys()') is not null").Scan(&known)
	if err != nil || !known {
		return false, err
	}
	err = database.Unscoped().QueryRow(ctx, "select exists (select from tenants_with_vault_keys())").Scan(&holds)
	return holds, err
}

// wrapFirst gives the first institution its key at once rather than when it first
// seals something, so that the database tells which master key it belongs to
// before another program starts on it with one of its own.
func (a *App) wrapFirst(ctx context.Context) error {
	rows, err := a.DB.Unscoped().Query(ctx, "select active_tenants()")
	if err != nil {
		return err
	}
	tenants, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := pg.InTx(ctx, a.DB, tenant, func(ctx context.Context, tx pgx.Tx) error {
			return a.vault.EnsureTx(ctx, tx, tenant)
		}); err != nil {
			return err
		}
	}
	return nil
}

// judgeMasterKey refuses a key that opens none of those the database holds. Where
// it opens some, the others' institutions are told of in the log, and by doctor.
func (a *App) judgeMasterKey(ctx context.Context) error {
	holds, err := holdsKeys(ctx, a.DB)
	if err != nil || !holds {
		return err
	}
	usable, lost, err := a.vault.Usable(ctx)
	switch {
	case err != nil:
		return fmt.Errorf("whether the master key opens the keys of institutions cannot be told: %w", err)
	case lost == 0:
	case usable == 0:
		return errors.New("the master key opens none of the keys that the database holds: set PARVIS_MASTER_KEY to the one that wrapped them, or restore master.key from your copy; if the key was changed, give the former one in PARVIS_FORMER_MASTER_KEYS")
	default:
		a.Log.ErrorContext(ctx, "some keys of institutions are wrapped by a master key that is not configured: give it in PARVIS_FORMER_MASTER_KEYS", "keys", lost)
	}
	return nil
}

// readMasterKey reads the key; nil when the first start has still to make it.
func readMasterKey(cfg config.Config) ([]byte, error) {
	if cfg.MasterKey != "" {
		key, err := base64.StdEncoding.DecodeString(cfg.MasterKey)
		if err != nil || len(key) != seal.Size {
			return nil, fmt.Errorf("PARVIS_MASTER_KEY must be %d bytes in base64", seal.Size)
		}
		return key, nil
	}
	path := masterKeyPath(cfg)
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) && cfg.MasterKeyFile == "" {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the master key cannot be read: %w", err)
	}
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(key) != seal.Size {
		return nil, fmt.Errorf("%s does not hold a master key", path)
	}
	return key, nil
}

func masterKeyPath(cfg config.Config) string {
	if cfg.MasterKeyFile != "" {
		return cfg.MasterKeyFile
	}
	return filepath.Join(cfg.DataDir, "master.key")
}
