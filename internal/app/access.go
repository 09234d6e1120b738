package app

import (
	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/accounts"
	"github.com/parvis-crm/parvis/internal/api"
)

// accessConfig tells the access domain what it needs to know of the
// installation and of the contract.
func (a *App) accessConfig() access.Config {
	return access.Config{
		PublicURL: a.Config.Public(), Catalogue: catalogue(api.Operations), Box: a.vault.Installation("signing_keys", "private_key", a.formerly("token signing keys", func(kid string) string { return kid })),
		GuessSecret: a.master.Derive("guesses"), FreeAttempts: a.Config.FreeAttempts, TokenAlgorithm: a.Config.TokenAlgorithm, Log: a.Log,
	}
}

// accountsConfig tells the accounts what the operator decided.
func (a *App) accountsConfig() accounts.Config {
	c := a.Config
	return accounts.Config{
		Secret: a.master.Derive("accounts"), PublicURL: c.Public(), Idle: c.SessionIdle, Lifetime: c.SessionLifetime,
		PasswordMemory: c.PasswordMemory, BreachedPasswords: c.BreachedPasswords,
	}
}

// catalogue gathers every scope of the contract with the operations it opens.
func catalogue(operations map[string]api.OperationSpec) map[string][]string {
	out := map[string][]string{}
	for id, op := range operations {
		for _, scope := range op.Scopes {
			out[scope] = append(out[scope], id)
		}
	}
	return out
}
