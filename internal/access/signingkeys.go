package access

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/access/accesstoken"
	"github.com/parvis-crm/parvis/internal/access/internal/accessdb"
	"github.com/parvis-crm/parvis/internal/access/jwk"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/pg"
)

const (
	// signFor is how long one key signs.
	signFor = 30 * 24 * time.Hour
	// announce is how long before its use a key is published: verifiers keep the
	// key set for up to a day.
	announce = 48 * time.Hour
	// keepAfter is how long a key that no longer signs stays published: as long
	// as a token of its may live, and an hour.
	keepAfter = accesstoken.Lifetime + time.Hour
	// refreshKeys bounds what this process may not know of the others' rotations;
	// unknownKeyPause how often an unknown key id makes it look.
	refreshKeys     = time.Minute
	unknownKeyPause = time.Second
)

// keyring holds the installation's token signing keys. They are in the
// database, sealed, so that all processes have the same.
type keyring struct {
	db        *pg.DB
	q         *accessdb.Queries
	clock     clock.Clock
	log       *slog.Logger
	box       KeyBox
	algorithm string

	mu     sync.Mutex
	keys   []signingKey
	loaded time.Time
}

type signingKey struct {
	kid       string
	algorithm string
	private   crypto.Signer
	notBefore time.Time
	notAfter  time.Time
}

// signing returns the key to sign with now, made if there is none.
func (k *keyring) signing(ctx context.Context) (signingKey, error) {
	ctx = pg.Detached(ctx) // keys are kept for other requests too
	keys, err := k.all(ctx, refreshKeys)
	if err != nil {
		return signingKey{}, err
	}
	if key, ok := inUse(keys, k.clock.Now()); ok {
		return key, nil
	}
	if keys, err = k.ensure(ctx); err != nil {
		return signingKey{}, err
	}
	key, _ := inUse(keys, k.clock.Now())
	return key, nil
}

// inUse is the youngest key whose time it is.
func inUse(keys []signingKey, now time.Time) (signingKey, bool) {
	var best signingKey
	for _, key := range keys {
		if !now.Before(key.notBefore) && now.Before(key.notAfter) && (best.kid == "" || key.notBefore.After(best.notBefore)) {
			best = key
		}
	}
	return best, best.kid != ""
}

// find gives the public key of an id.
func (k *keyring) find(ctx context.Context, kid string) (accesstoken.Key, error) {
	for _, age := range []time.Duration{refreshKeys, unknownKeyPause} {
		keys, err := k.all(ctx, age)
		if err != nil {
			return accesstoken.Key{}, err
		}
		now := k.clock.Now()
		for _, key := range keys {
			if key.kid == kid && now.Before(key.notAfter.Add(keepAfter)) && !now.Before(key.notBefore.Add(-accesstoken.Leeway)) {
				return accesstoken.Key{Algorithm: key.algorithm, Public: key.private.Public()}, nil
			}
		}
	}
	return accesstoken.Key{}, accesstoken.Unknown(kid)
}

// published is the key set for verifiers: present, next and former keys.
func (k *keyring) published(ctx context.Context) (jwk.Set, error) {
	if _, err := k.signing(ctx); err != nil {
		return jwk.Set{}, err
	}
	keys, err := k.all(ctx, refreshKeys)
	set := jwk.Set{Keys: make([]jwk.Key, 0, len(keys))}
	now := k.clock.Now()
	for _, key := range keys {
		if !now.Before(key.notAfter.Add(keepAfter)) {
			continue
		}
		public, err := jwk.Encode(key.kid, key.private.Public())
		if err != nil {
			return jwk.Set{}, err
		}
		set.Keys = append(set.Keys, public)
	}
	return set, err
}

// all returns the keys, read again when they were read longer than age ago.
func (k *keyring) all(ctx context.Context, age time.Duration) ([]signingKey, error) {
	k.mu.Lock()
	keys, fresh := k.keys, k.keys != nil && k.clock.Now().Sub(k.loaded) < age
	k.mu.Unlock()
	if fresh {
		return keys, nil
	}
	rows, err := k.q.ListSigningKeys(ctx, k.db.Unscoped())
	if err != nil {
		return nil, err
	}
	return k.keep(ctx, rows), nil
}

// keep opens the keys. One that cannot be opened was sealed with another master
// key; it is passed over, and another one is made when it is needed.
func (k *keyring) keep(ctx context.Context, rows []accessdb.SigningKey) []signingKey {
	keys := make([]signingKey, 0, len(rows))
	for _, row := range rows {
		der, err := k.box.Open(ctx, row.Kid, row.PrivateKey)
		if err != nil {
			k.log.Warn("a token signing key cannot be opened", "kid", row.Kid, "error", err)
			continue
		}
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		private, ok := parsed.(crypto.Signer)
		if err != nil || !ok {
			k.log.Warn("a token signing key cannot be read", "kid", row.Kid)
			continue
		}
		keys = append(keys, signingKey{kid: row.Kid, algorithm: row.Algorithm, private: private, notBefore: row.NotBefore, notAfter: row.NotAfter})
	}
	k.mu.Lock()
	k.keys, k.loaded = keys, k.clock.Now()
	k.mu.Unlock()
	return keys
}

// ensure makes the key that is missing now and the one that will be, in good
// time, and forgets those of the past. Processes wait for each other here.
func (k *keyring) ensure(ctx context.Context) ([]signingKey, error) {
	var rows []accessdb.SigningKey
	err := k.db.Unscoped().InTx(ctx, func(ctx context.Context, tx pgx.Tx) (err error) {
		rows, err = k.ensureTx(ctx, tx)
		return err
	})
	if err != nil {
		return nil, err
	}
	return k.keep(ctx, rows), nil
}

func (k *keyring) ensureTx(ctx context.Context, tx pgx.Tx) ([]accessdb.SigningKey, error) {
	if err := k.q.LockSigningKeys(ctx, tx); err != nil {
		return nil, err
	}
	now := k.clock.Now()
	rows, err := k.q.ListSigningKeys(ctx, tx)
	if err != nil {
		return nil, err
	}
	keys := k.keep(ctx, rows)
	present, ok := inUse(keys, now)
	if !ok {
		if present, err = k.make(ctx, tx, now); err != nil {
			return nil, err
		}
	}
	if _, next := inUse(keys, present.notAfter); !next && !now.Before(present.notAfter.Add(-announce)) {
		if _, err := k.make(ctx, tx, present.notAfter); err != nil {
			return nil, err
		}
	}
	if err := k.q.ForgetSigningKeys(ctx, tx, now.Add(-keepAfter)); err != nil {
		return nil, err
	}
	return k.q.ListSigningKeys(ctx, tx)
}

func (k *keyring) make(ctx context.Context, tx pgx.Tx, from time.Time) (signingKey, error) {
	private, err := generate(k.algorithm)
	if err != nil {
		return signingKey{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return signingKey{}, err
	}
	defer clear(der)
	random := make([]byte, 8)
	_, _ = rand.Read(random) // never fails since Go 1.24: it ends the program instead
	key := signingKey{kid: hex.EncodeToString(random), algorithm: k.algorithm, private: private, notBefore: from, notAfter: from.Add(signFor)}
	sealed, err := k.box.Seal(ctx, key.kid, der)
	if err != nil {
		return signingKey{}, err
	}
	return key, k.q.InsertSigningKey(ctx, tx, accessdb.InsertSigningKeyParams{
		Kid: key.kid, Algorithm: key.algorithm, PrivateKey: sealed, NotBefore: key.notBefore, NotAfter: key.notAfter,
	})
}

// ResealSigningKeys brings the token signing keys under the master key of this
// id and returns how many were not. One that cannot be opened is passed over: it
// signs nothing any more.
func (s *Service) ResealSigningKeys(ctx context.Context, current string) (int, error) {
	k, n := s.keys, 0
	rows, err := k.q.ListSigningKeys(ctx, k.db.Unscoped())
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if k.box.Present(row.PrivateKey, current) {
			continue
		}
		der, err := k.box.Open(ctx, row.Kid, row.PrivateKey)
		if err != nil {
			k.log.WarnContext(ctx, "a token signing key cannot be opened", "kid", row.Kid, "error", err)
			continue
		}
		sealed, err := k.box.Seal(ctx, row.Kid, der)
		clear(der)
		if err != nil {
			return n, err
		}
		changed, err := k.q.ResealSigningKey(ctx, k.db.Unscoped(), sealed, row.Kid, row.PrivateKey)
		if err != nil {
			return n, err
		}
		n += int(changed)
	}
	return n, nil
}

func generate(algorithm string) (crypto.Signer, error) {
	if algorithm == jwk.RS256 {
		return rsa.GenerateKey(rand.Reader, 3072)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}
