package vault

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault/envelope"
	"github.com/parvis-crm/parvis/internal/vault/internal/vaultdb"
)

const (
	// mostKeys bounds the unwrapped keys in memory, mostTenants the institutions
	// whose list of versions is remembered.
	mostKeys    = 10_000
	mostTenants = 4096
	// versionAge is how long a process may go on sealing under the version before
	// the present one. What it seals so is found again before that is deleted.
	versionAge = 30 * time.Second
	// keepRetired is how long a version is kept after nothing was left under it:
	// far longer than versionAge and than any transaction.
	keepRetired = time.Hour
)

// Vault holds the keys.
type Vault struct {
	db         *pg.DB
	q          *vaultdb.Queries
	wrapper    Wrapper
	log        *slog.Logger
	operations *operations.Service
	cache      *envelope.Cache
	columns    []Column
	personal   []Sealed
	forgetting []Forget

	mu      sync.Mutex
	tenants map[uuid.UUID]versions
}

// versions are an institution's keys, the newest first, as they were committed.
type versions struct {
	list []vaultdb.ListTenantKeysRow
	read time.Time
}

// New makes the vault. Columns are made known to it when the program is wired.
func New(db *pg.DB, w Wrapper, log *slog.Logger) *Vault {
	v := &Vault{db: db, q: vaultdb.New(), wrapper: w, log: log, cache: envelope.NewCache(mostKeys), tenants: map[uuid.UUID]versions{}}
	v.Register(Column{Table: "vault_keys", Column: "sealed", Key: "id", KeyType: "uuid"})
	return v
}

// Close clears the keys that are in memory.
func (v *Vault) Close() { v.cache.Forget() }

// aboutTenantKey is what a wrapped key is bound to.
func aboutTenantKey(tenant uuid.UUID, version int32) []byte {
	return fmt.Appendf(nil, "parvis/vault/1/tenant key/%s/%d", tenant, version)
}

// list gives an institution's keys, from memory where they are young enough.
// What the asking transaction has made itself is never remembered, since it may
// yet be taken back, and a value sealed under a key that never was would be lost.
func (v *Vault) list(ctx context.Context, db pg.DBTX, tenant uuid.UUID, fresh bool) ([]vaultdb.ListTenantKeysRow, error) {
	v.mu.Lock()
	known := v.tenants[tenant]
	v.mu.Unlock()
	if !fresh && len(known.list) > 0 && time.Since(known.read) < versionAge {
		return known.list, nil
	}
	now := clock.Mark()
	rows, err := v.q.ListTenantKeys(ctx, db, tenant)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	for _, row := range rows {
		if !row.Settled {
			return rows, nil
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.tenants) >= mostTenants {
		clear(v.tenants)
	}
	// An older snapshot does not know the present version yet.
	if known := v.tenants[tenant]; len(known.list) > 0 && (len(rows) == 0 || rows[0].Version < known.list[0].Version) {
		return rows, nil
	}
	v.tenants[tenant] = versions{rows, now}
	return rows, nil
}

// present is the key under which an institution's values are sealed now, made if
// there is none yet. Whoever gets the key clears it.
func (v *Vault) present(ctx context.Context, db pg.DBTX, tenant uuid.UUID) (version int32, key []byte, err error) {
	rows, err := v.list(ctx, db, tenant, false)
	if err != nil {
		return 0, nil, err
	}
	if len(rows) == 0 {
		if err := v.make(ctx, db, tenant, 1); err != nil {
			return 0, nil, err
		}
		if rows, err = v.list(ctx, db, tenant, true); err != nil {
			return 0, nil, err
		}
	}
	if len(rows) == 0 {
		return 0, nil, fmt.Errorf("vault: institution %s has no key and none can be made", tenant)
	}
	key, err = v.unwrap(ctx, tenant, rows[0])
	return rows[0].Version, key, err
}

// version is the key of one version.
func (v *Vault) version(ctx context.Context, db pg.DBTX, tenant uuid.UUID, wanted int32) ([]byte, error) {
	for _, fresh := range []bool{false, true} {
		rows, err := v.list(ctx, db, tenant, fresh)
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			if row.Version == wanted {
				return v.unwrap(ctx, tenant, row)
			}
		}
	}
	return nil, fmt.Errorf("%w: the institution has no key of version %d", ErrOpen, wanted)
}

func (v *Vault) unwrap(ctx context.Context, tenant uuid.UUID, row vaultdb.ListTenantKeysRow) ([]byte, error) {
	about := aboutTenantKey(tenant, row.Version)
	if key := v.cache.Get(about, row.Wrapped); key != nil {
		return key, nil
	}
	key, err := v.wrapper.Unwrap(ctx, row.WrappedBy, row.Wrapped, about)
	if err != nil {
		return nil, fmt.Errorf("vault: the key of institution %s, version %d: %w", tenant, row.Version, err)
	}
	v.cache.Put(about, row.Wrapped, key)
	return key, nil
}

// make adds a version; one that is there already stays.
func (v *Vault) make(ctx context.Context, db pg.DBTX, tenant uuid.UUID, version int32) error {
	key := envelope.NewKey()
	defer clear(key)
	wrapped, by, err := v.wrapper.Wrap(ctx, key, aboutTenantKey(tenant, version))
	if err != nil {
		return fmt.Errorf("vault: a key cannot be made: %w", err)
	}
	_, err = v.q.InsertTenantKey(ctx, db, vaultdb.InsertTenantKeyParams{TenantID: tenant, Version: version, Wrapped: wrapped, WrappedBy: by})
	return err
}

// EnsureTx gives an institution its first key in good time.
func (v *Vault) EnsureTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) error {
	_, key, err := v.present(ctx, tx, tenant)
	clear(key)
	return err
}

// seal seals a value under the institution's present key.
func (v *Vault) seal(ctx context.Context, db pg.DBTX, p Place, plain []byte) ([]byte, error) {
	version, key, err := v.present(ctx, db, p.Tenant)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return envelope.Seal(key, envelope.TenantClass, uint32(version), p, plain)
}

// open opens a value under whichever of the institution's keys it is.
func (v *Vault) open(ctx context.Context, db pg.DBTX, p Place, sealed []byte) ([]byte, error) {
	class, version, ok := envelope.Parse(sealed)
	if !ok || class != envelope.TenantClass {
		return nil, ErrOpen
	}
	key, err := v.version(ctx, db, p.Tenant, int32(version))
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return envelope.Open(key, p, sealed)
}
