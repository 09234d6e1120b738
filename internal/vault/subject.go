package vault

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault/envelope"
	"github.com/parvis-crm/parvis/internal/vault/internal/vaultdb"
)

// ErrDestroyed is returned when the key of a person was destroyed: what was
// sealed under it is gone, and nothing more is sealed about them.
var ErrDestroyed = errors.New("vault: the person's key was destroyed")

// ErrNoKey is returned for a person about whom nothing was ever sealed.
var ErrNoKey = errors.New("vault: the person has no key")

const (
	personKind = "person"
	indexKind  = "index"
	// subjectVersion: a person's key is never replaced, only destroyed. A new key
	// of the institution seals it anew.
	subjectVersion = 1
)

// Subject seals and opens what is sensitive about one person. It is closed when
// it is no longer needed.
type Subject struct {
	tenant uuid.UUID
	key    []byte
}

// Close clears the key.
func (s *Subject) Close() { clear(s.key) }

// Seal seals a value of the person's, bound to its place.
func (s *Subject) Seal(table, column, row string, plain []byte) ([]byte, error) {
	return envelope.Seal(s.key, envelope.PersonClass, subjectVersion, Place{Tenant: s.tenant, Table: table, Column: column, Row: row}, plain)
}

// Open opens what Seal made.
func (s *Subject) Open(table, column, row string, sealed []byte) ([]byte, error) {
	if class, _, ok := envelope.Parse(sealed); !ok || class != envelope.PersonClass {
		return nil, ErrOpen
	}
	return envelope.Open(s.key, Place{Tenant: s.tenant, Table: table, Column: column, Row: row}, sealed)
}

func keyPlace(tenant, id uuid.UUID) Place {
	return Place{Tenant: tenant, Table: "vault_keys", Column: "sealed", Row: id.String()}
}

// SubjectTx gives the key of a person to seal with, made if there is none. Until
// tx ends nobody can destroy it.
func (v *Vault) SubjectTx(ctx context.Context, tx pgx.Tx, tenant, person uuid.UUID) (*Subject, error) {
	key, err := v.keyTx(ctx, tx, tenant, person, personKind)
	if err != nil {
		return nil, err
	}
	return &Subject{tenant, key}, nil
}

// KnownSubject gives the key of a person to open with; ErrNoKey when nothing was
// ever sealed about them, ErrDestroyed when the key was destroyed.
func (v *Vault) KnownSubject(ctx context.Context, db pg.DBTX, tenant, person uuid.UUID) (*Subject, error) {
	row, err := v.q.GetKey(ctx, db, tenant, person)
	if pg.IsNoRows(err) {
		return nil, ErrNoKey
	}
	if err != nil {
		return nil, err
	}
	key, err := v.openKey(ctx, db, tenant, person, personKind, row.Kind, row.Sealed)
	if err != nil {
		return nil, err
	}
	return &Subject{tenant, key}, nil
}

func (v *Vault) openKey(ctx context.Context, db pg.DBTX, tenant, id uuid.UUID, wanted, kind string, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, ErrDestroyed
	}
	if kind != wanted {
		return nil, fmt.Errorf("vault: %s is the id of a key of another kind", id)
	}
	place := keyPlace(tenant, id)
	about := envelope.Associated(nil, place)
	if key := v.cache.Get(about, sealed); key != nil {
		return key, nil
	}
	key, err := v.open(ctx, db, place, sealed)
	if err == nil {
		v.cache.Put(about, sealed, key)
	}
	return key, err
}

// keyTx reads a key under a lock, made if there is none.
func (v *Vault) keyTx(ctx context.Context, db pg.DBTX, tenant, id uuid.UUID, kind string) ([]byte, error) {
	row, err := v.q.LockKey(ctx, db, tenant, id)
	if pg.IsNoRows(err) {
		key := envelope.NewKey()
		defer clear(key)
		sealed, sealErr := v.seal(ctx, db, keyPlace(tenant, id), key)
		if sealErr != nil {
			return nil, sealErr
		}
		if _, err := v.q.InsertKey(ctx, db, vaultdb.InsertKeyParams{TenantID: tenant, ID: id, Kind: kind, Sealed: sealed}); err != nil {
			return nil, err
		}
		row, err = v.q.LockKey(ctx, db, tenant, id)
	}
	if err != nil {
		return nil, err
	}
	return v.openKey(ctx, db, tenant, id, kind, row.Kind, row.Sealed)
}

// Forget is what a domain does when the key of one of its persons goes, in the
// same transaction: it removes what is about them and not under the key, such as
// entries of a blind index.
type Forget func(ctx context.Context, tx pgx.Tx, tenant, person uuid.UUID) error

// OnDestroy is called once for each domain, when the program is wired.
func (v *Vault) OnDestroy(f Forget) { v.forgetting = append(v.forgetting, f) }

// DestroySubjectTx destroys the key of a person (GDPR art. 17): what was sealed
// under it, in tables, in the history, in copies and in archives without the
// key, is unreadable once tx has committed. The chain of events stays as it
// was. It reports whether there was a key; a person without one gets none later.
func (v *Vault) DestroySubjectTx(ctx context.Context, tx pgx.Tx, tenant, person uuid.UUID) (bool, error) {
	before, err := v.q.GetKey(ctx, tx, tenant, person)
	if err != nil && !pg.IsNoRows(err) {
		return false, err
	}
	had := err == nil && before.Sealed != nil
	if _, err := v.q.DestroyKey(ctx, tx, tenant, person); err != nil {
		return false, err
	}
	for _, forget := range v.forgetting {
		if err := forget(ctx, tx, tenant, person); err != nil {
			return false, err
		}
	}
	return had, nil
}

// Index is the entry of a value in the blind index of a column: equal values
// have equal entries, and nothing else can be told of them without the key. Each
// column has entries of its own. What counts as equal is decided by whoever
// writes the value in one form before.
func (v *Vault) Index(ctx context.Context, db pg.DBTX, tenant uuid.UUID, table, column, value string) ([]byte, error) {
	key, err := v.keyTx(ctx, db, tenant, tenant, indexKind)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	own, err := hkdf.Expand(sha256.New, key, "parvis/vault/1/index/"+table+"."+column, KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(own)
	h := hmac.New(sha256.New, own)
	_, _ = h.Write([]byte(value))
	return h.Sum(nil), nil
}
