package vault_test

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/mail"
	"github.com/parvis-crm/parvis/internal/parvistest"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/vault"
)

var errTaken = errors.New("taken back")

// A key that was made in a transaction that was taken back seals nothing
// afterwards.
func TestAKeyThatNeverWasSealsNothing(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	db, field, tenant := app.App.DB, app.Vault().Sealer(mail.Bodies()), ids.New()
	err := pg.InTx(t.Context(), db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		for range 3 {
			_, err := field.Seal(ctx, tx, tenant, "r", []byte("text"))
			require.NoError(t, err)
		}
		return errTaken
	})
	require.ErrorIs(t, err, errTaken)
	sealed, err := field.Seal(t.Context(), db.Tenant(tenant), tenant, "r", []byte("text"))
	require.NoError(t, err)
	// Another process has only what the database has.
	other := vault.New(db, vault.NewLocal(must(seal.NewMaster(seal.Generate()))), app.Log)
	_, err = other.Sealer(mail.Bodies()).Open(t.Context(), db.Tenant(tenant), tenant, "r", sealed)
	require.ErrorIs(t, err, vault.ErrUnknownKey, "its master key is another")
	plain, err := field.Open(t.Context(), db.Tenant(tenant), tenant, "r", sealed)
	require.NoError(t, err)
	require.Equal(t, "text", string(plain))
	_, err = field.Open(t.Context(), db.Tenant(app.Tenant), app.Tenant, "r", sealed)
	require.Error(t, err, "a value that was copied to another institution")
}

func TestManyMakeTheFirstKeyAtOnce(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	db, field, tenant := app.App.DB, app.Vault().Sealer(mail.Bodies()), ids.New()
	var wait sync.WaitGroup
	sealed := make([][]byte, 8)
	for i := range sealed {
		wait.Go(func() {
			err := pg.InTx(t.Context(), db, tenant, func(ctx context.Context, tx pgx.Tx) error {
				var err error
				sealed[i], err = field.Seal(ctx, tx, tenant, "r", []byte("text"))
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	for _, s := range sealed {
		plain, err := field.Open(t.Context(), db.Tenant(tenant), tenant, "r", s)
		require.NoError(t, err)
		require.Equal(t, "text", string(plain))
	}
}

func TestAPersonsKeyIsDestroyedForGood(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	v, db, person := app.Vault(), app.App.DB, ids.New()
	var sealed []byte
	in := func(f func(ctx context.Context, tx pgx.Tx) error) error {
		return pg.InTx(t.Context(), db, app.Tenant, f)
	}
	write := func(ctx context.Context, tx pgx.Tx) error {
		subject, err := v.SubjectTx(ctx, tx, app.Tenant, person)
		if err != nil {
			return err
		}
		defer subject.Close()
		sealed, err = subject.Seal("facts", "sealed", "1", []byte("wheelchair"))
		return err
	}
	_, err := v.KnownSubject(t.Context(), db.Tenant(app.Tenant), app.Tenant, person)
	require.ErrorIs(t, err, vault.ErrNoKey)
	require.NoError(t, in(write))
	subject, err := v.KnownSubject(t.Context(), db.Tenant(app.Tenant), app.Tenant, person)
	require.NoError(t, err)
	plain, err := subject.Open("facts", "sealed", "1", sealed)
	require.NoError(t, err)
	require.Equal(t, "wheelchair", string(plain))
	_, err = subject.Open("facts", "sealed", "2", sealed)
	require.ErrorIs(t, err, vault.ErrOpen)
	another, err := pg.InTxValue(t.Context(), db, app.Tenant, func(ctx context.Context, tx pgx.Tx) (*vault.Subject, error) {
		return v.SubjectTx(ctx, tx, app.Tenant, ids.New())
	})
	require.NoError(t, err)
	_, err = another.Open("facts", "sealed", "1", sealed)
	require.ErrorIs(t, err, vault.ErrOpen, "each person has a key of their own")

	destroy := func(ctx context.Context, tx pgx.Tx) (bool, error) {
		return v.DestroySubjectTx(ctx, tx, app.Tenant, person)
	}
	require.ErrorIs(t, in(func(ctx context.Context, tx pgx.Tx) error {
		_, err := destroy(ctx, tx)
		require.NoError(t, err)
		return errTaken
	}), errTaken)
	_, err = v.KnownSubject(t.Context(), db.Tenant(app.Tenant), app.Tenant, person)
	require.NoError(t, err, "what was taken back destroyed nothing")
	had, err := pg.InTxValue(t.Context(), db, app.Tenant, destroy)
	require.NoError(t, err)
	require.True(t, had)
	// At once, though this process had unwrapped the key a moment ago.
	_, err = v.KnownSubject(t.Context(), db.Tenant(app.Tenant), app.Tenant, person)
	require.ErrorIs(t, err, vault.ErrDestroyed)
	require.ErrorIs(t, in(write), vault.ErrDestroyed, "it is not made again")
	had, err = pg.InTxValue(t.Context(), db, app.Tenant, destroy)
	require.NoError(t, err)
	require.False(t, had)
	// A person who never had one gets none later either.
	person = ids.New()
	_, err = pg.InTxValue(t.Context(), db, app.Tenant, destroy)
	require.NoError(t, err)
	require.ErrorIs(t, in(write), vault.ErrDestroyed)
}

func TestABlindIndexTellsOnlyEquality(t *testing.T) {
	t.Parallel()
	app := parvistest.New(t)
	other := ids.New()
	index := func(tenant uuid.UUID, column, value string) string {
		entry, err := app.Vault().Index(t.Context(), app.App.DB.Tenant(tenant), tenant, "facts", column, value)
		require.NoError(t, err)
		require.Len(t, entry, 32)
		return string(entry)
	}
	one := index(app.Tenant, "lookup", "FR7630006000011234567890189")
	require.Equal(t, one, index(app.Tenant, "lookup", "FR7630006000011234567890189"))
	require.NotEqual(t, one, index(app.Tenant, "lookup", "FR7630006000011234567890180"))
	require.NotEqual(t, one, index(app.Tenant, "another", "FR7630006000011234567890189"), "columns cannot be joined by it")
	require.NotEqual(t, one, index(other, "lookup", "FR7630006000011234567890189"), "nor can institutions")
}

// The master key is changed: the former one opens, the keys are wrapped anew,
// and then the former one is needed for nothing.
func TestTheMasterKeyIsChanged(t *testing.T) {
	t.Parallel()
	db, before, after := parvistest.Database(t), seal.Generate(), seal.Generate()
	former := parvistest.WithConfig(func(c *config.Config) { c.FormerMasterKeys = []string{base64.StdEncoding.EncodeToString(before)} })
	app := parvistest.NewOn(t, db, parvistest.WithMasterKey(before))
	key := parvistest.Header("Idempotency-Key", "the-same")
	contact := map[string]any{"kind": "person", "family_name": "Ferrandis"}
	id := app.Post("/v1/contacts", contact, key).Is(201).ID()
	client := *app.Client
	app.Stop()

	lost := parvistest.NewOn(t, db, parvistest.WithMasterKey(after))
	require.ErrorContains(t, lost.AdminRewrapKeys(t.Context(), new(strings.Builder)), "wrapped by a key that this program does not have")
	lost.Stop()

	with := parvistest.NewOn(t, db, parvistest.WithMasterKey(after), former)
	require.Equal(t, id, with.Acting(&client).Post("/v1/contacts", contact, key).Is(201).ID())
	var said strings.Builder
	require.NoError(t, with.AdminRewrapKeys(t.Context(), &said))
	require.Contains(t, said.String(), "are now wrapped by local:")
	with.Stop()

	without := parvistest.NewOn(t, db, parvistest.WithMasterKey(after))
	a := without.Acting(&client).Post("/v1/contacts", contact, key).Is(201)
	require.Equal(t, id, a.ID())
	require.Equal(t, "true", a.Header.Get("Idempotency-Replayed"))
}
