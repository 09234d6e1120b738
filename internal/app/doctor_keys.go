package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/vault"
)

// examineKeys tells whether every institution's key can be used, and whether
// something is left to do after a change of the master key.
func (f *findings) examineKeys(ctx context.Context, cfg config.Config, database *pg.DB) {
	if version, _, err := database.SchemaVersion(ctx); err != nil || version < 20 {
		return // said already: the schema lacks the tables
	}
	key, err := readMasterKey(cfg)
	if err != nil {
		return // said already
	}
	if key == nil {
		switch holds, err := holdsKeys(ctx, database); {
		case err != nil:
			f.sayf(wrong, "The keys of institutions cannot be read: %v.", err)
		case holds:
			f.sayf(wrong, "There is no master key: %v. Nothing starts without it.", errWithoutMasterKey(masterKeyPath(cfg)))
		}
		return
	}
	present, err := seal.NewMaster(key)
	if err != nil {
		return
	}
	former, err := formerKeys(cfg)
	if err != nil {
		f.sayf(wrong, "%v. Correct that variable.", err)
		return
	}
	wraps, err := wrapper(cfg, present, former)
	if err != nil {
		f.sayf(wrong, "The key management service is not set up: %v.", err)
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	v := vault.New(database, wraps, slog.New(slog.DiscardHandler))
	defer v.Close()
	by, err := v.Current(ctx)
	if err != nil {
		f.sayf(wrong, "Keys cannot be wrapped: %v. Without it nothing sealed can be read.", err)
		return
	}
	old, lost, err := v.Foreign(ctx)
	switch {
	case err != nil:
		f.sayf(wrong, "The keys of institutions cannot be read: %v.", err)
	case lost > 0:
		f.sayf(wrong, "%d keys of institutions are wrapped by a master key that is not configured: give it in PARVIS_FORMER_MASTER_KEYS, or restore the former configuration.", lost)
	case old > 0:
		f.sayf(warning, "%d keys of institutions are still wrapped by a former master key: run `parvis admin rewrap-keys`.", old)
	case len(former) > 0:
		f.sayf(warning, "Every key is wrapped by %s: a week after the change, take PARVIS_FORMER_MASTER_KEYS away.", by)
	default:
		f.sayf(fine, "Keys of institutions are wrapped by %s.", by)
	}
	if lost > 0 || err != nil {
		return
	}
	if err := v.Prove(ctx); err != nil {
		f.sayf(wrong, "A key of an institution cannot be opened: %v. Restore the master key that wrapped it.", err)
		return
	}
	f.sayf(fine, "Every institution's keys open.")
}
