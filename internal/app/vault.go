package app

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/seal"
	"github.com/parvis-crm/parvis/internal/vault"
)

// formerKeys reads the master keys that were used before the present one.
func formerKeys(cfg config.Config) ([]seal.Master, error) {
	var out []seal.Master
	for i, text := range cfg.FormerMasterKeys {
		key, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(key) != seal.Size {
			return nil, fmt.Errorf("PARVIS_FORMER_MASTER_KEYS: number %d is not %d bytes in base64", i+1, seal.Size)
		}
		m, err := seal.NewMaster(key)
		if err != nil {
			return nil, err
		}
		out = append(out, m)
	}
	return out, nil
}

// wrapper is what wraps the keys of institutions: the master key, or the key
// management service that the configuration names.
func wrapper(cfg config.Config, present seal.Master, former []seal.Master) (vault.Wrapper, error) {
	local := vault.NewLocal(present, former...)
	if cfg.KMSURL == "" {
		return local, nil
	}
	kms, err := vault.NewKMS(vault.KMSConfig{
		URL: cfg.KMSURL, Mount: cfg.KMSMount, Key: cfg.KMSKey, Token: cfg.KMSToken, TokenFile: cfg.KMSTokenFile, Namespace: cfg.KMSNamespace,
	})
	if err != nil {
		return nil, err
	}
	if cfg.KMSLeaving {
		return vault.Either{Present: local, Former: kms}, nil
	}
	return vault.Either{Present: kms, Former: local}, nil
}

// formerly opens what the master key, or one before it, sealed for a use before
// there was a vault.
func (a *App) formerly(use string, context func(row string) string) func(row string, sealed []byte) ([]byte, error) {
	return func(row string, sealed []byte) ([]byte, error) {
		for _, m := range append([]seal.Master{a.master}, a.former...) {
			if plain, err := m.Box(use).Open(sealed, context(row)); err == nil {
				return plain, nil
			}
		}
		return nil, seal.ErrOpen
	}
}

// sealed makes a column known to the vault and gives what seals it.
func (a *App) sealed(c vault.Column) vault.Sealer {
	a.vault.Register(c)
	return a.vault.Sealer(c)
}

// keptAnswers describes the answers to repeated requests. The former form was
// bound to the key itself, of which the row's name is the text.
func (a *App) keptAnswers() vault.Column {
	return vault.Column{
		Table: "idempotency_keys", Column: "body", Key: "key_hash", KeyType: "bytea", Passing: true,
		Legacy: a.formerly("kept answers", func(row string) string {
			hash, err := hex.DecodeString(strings.TrimPrefix(row, `\x`))
			if err != nil {
				return row
			}
			return string(hash)
		}),
	}
}

func (a *App) webhookKeys(context func(row string) string) func(row string, sealed []byte) ([]byte, error) {
	return a.formerly("webhook keys", context)
}

// keepVault brings the token signing keys under the present master key, then
// keeps house in the vault as long as the program runs.
func (a *App) keepVault(ctx context.Context) error {
	by, err := a.vault.Current(ctx)
	if err == nil {
		_, err = a.domains.access.ResealSigningKeys(ctx, by)
	}
	if err != nil && ctx.Err() == nil {
		a.Log.WarnContext(ctx, "the token signing keys stay under a former master key until the next start", "error", err)
	}
	return a.afterwards(a.vault.Run)(ctx)
}

// Vault gives the keys, for tests and for what erases persons.
func (a *App) Vault() *vault.Vault { return a.vault }

// RewrapKeysCommand is `parvis admin rewrap-keys`.
type RewrapKeysCommand struct{}

// Run implements the command.
func (RewrapKeysCommand) Run(ctx context.Context) error {
	return withApp(ctx, func(ctx context.Context, a *App) error { return a.AdminRewrapKeys(ctx, os.Stdout) })
}

// AdminRewrapKeys wraps all keys by the present master key and tells on out how
// many it were.
func (a *App) AdminRewrapKeys(ctx context.Context, out io.Writer) error {
	done, err := a.vault.Rewrap(ctx)
	if err != nil {
		return err
	}
	tokens, err := a.domains.access.ResealSigningKeys(ctx, done.By)
	if err != nil {
		return err
	}
	former, lost, err := a.vault.Foreign(ctx)
	if err != nil {
		return err
	}
	if lost > 0 {
		return fmt.Errorf("%d keys are wrapped by a master key that this program was not given: set PARVIS_FORMER_MASTER_KEYS and start again", lost)
	}
	if former > 0 {
		return errors.New("keys were made meanwhile by a program that still has the former master key: restart it, then start again")
	}
	_, err = fmt.Fprintf(out, "%d keys of institutions and %d token signing keys are now wrapped by %s.\nThe former master key may be taken out of PARVIS_FORMER_MASTER_KEYS a week from now, when the last kept answer from before the vault is gone.\n",
		done.Keys, tokens, done.By)
	return err
}
