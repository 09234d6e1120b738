package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// AdminCommand is `parvis admin`: what the operator of the machine may do
// without any key.
type AdminCommand struct {
	CreateTenant   CreateTenantCommand   `cmd:"" help:"Make an institution and its administrator key."`
	CreateKey      CreateKeyCommand      `cmd:"" help:"Make an API key in an institution."`
	RotateAdminKey RotateAdminKeyCommand `cmd:"" help:"Replace a lost or leaked administrator key at once."`
	RewrapKeys     RewrapKeysCommand     `cmd:"" help:"Wrap all keys by the present master key, after it was changed."`
}

// CreateTenantCommand is `parvis admin create-tenant`.
type CreateTenantCommand struct {
	Name string `arg:"" help:"Name of the institution."`
	Test bool   `help:"Make it in test mode."`
}

// Run implements the command.
func (c CreateTenantCommand) Run(ctx context.Context) error {
	return withApp(ctx, func(ctx context.Context, a *App) error { return a.AdminCreateTenant(ctx, c, os.Stdout) })
}

// AdminCreateTenant makes an institution and tells its id and key on out.
func (a *App) AdminCreateTenant(ctx context.Context, c CreateTenantCommand, out io.Writer) error {
	key, err := a.Bootstrap(ctx, access.NewTenant{Name: c.Name, Test: c.Test})
	if err != nil {
		return err
	}
	actor, err := a.domains.access.Authenticate(ctx, key, netip.IPv6Unspecified())
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Institution %s\nAdministrator key, shown once:\n  %s\n", actor.Tenant, key)
	return err
}

// CreateKeyCommand is `parvis admin create-key`.
type CreateKeyCommand struct {
	Tenant  string        `help:"Id of the institution; the only one if there is one."`
	Name    string        `default:"Operator" help:"What the key is for."`
	Scopes  []string      `required:"" help:"Rights of the key, separated by commas; * for all."`
	Source  string        `help:"Bind the key to one source (a restricted key)."`
	Expires time.Duration `help:"How long the key is valid, such as 720h; without end if absent."`
}

// Run implements the command.
func (c CreateKeyCommand) Run(ctx context.Context) error {
	return withApp(ctx, func(ctx context.Context, a *App) error { return a.AdminCreateKey(ctx, c, os.Stdout) })
}

// AdminCreateKey makes a key and tells it on out.
func (a *App) AdminCreateKey(ctx context.Context, c CreateKeyCommand, out io.Writer) error {
	ctx, err := a.asOperator(ctx, c.Tenant)
	if err != nil {
		return err
	}
	if a.domains.access.CheckScopes(c.Scopes) != nil {
		return fmt.Errorf("a scope in %s does not exist; the scopes are: * %s",
			strings.Join(c.Scopes, ","), strings.Join(a.domains.access.ScopeNames(), " "))
	}
	in := access.NewKey{Name: c.Name, Kind: apikey.Secret, Scopes: c.Scopes}
	if c.Source != "" {
		in.Kind, in.Source = apikey.Restricted, &c.Source
	}
	if c.Expires > 0 {
		end := a.Clock.Now().Add(c.Expires)
		in.ExpiresAt = &end
	}
	row, key, err := a.domains.access.CreateKey(ctx, in)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "Key %s, shown once:\n  %s\n", row.ID, key)
	return err
}

// RotateAdminKeyCommand is `parvis admin rotate-admin-key`.
type RotateAdminKeyCommand struct {
	Tenant string `help:"Id of the institution; the only one if there is one."`
}

// Run implements the command.
func (c RotateAdminKeyCommand) Run(ctx context.Context) error {
	return withApp(ctx, func(ctx context.Context, a *App) error { return a.AdminRotateKey(ctx, c, os.Stdout) })
}

// AdminRotateKey replaces the administrator key, tells the new one on out and
// leaves it where the first one was left.
func (a *App) AdminRotateKey(ctx context.Context, c RotateAdminKeyCommand, out io.Writer) error {
	ctx, err := a.asOperator(ctx, c.Tenant)
	if err != nil {
		return err
	}
	key, err := a.domains.access.ReplaceAdministratorKey(ctx)
	if err != nil {
		return err
	}
	path := filepath.Join(a.Config.DataDir, "admin.key")
	if _, err := os.Stat(path); err == nil {
		if err := replaceFile(path, key+"\n"); err != nil {
			return fmt.Errorf("the new key is %s, but it cannot be kept: %w", key, err)
		}
	}
	_, err = fmt.Fprintf(out, "New administrator key, shown once; the former one is revoked:\n  %s\n", key)
	return err
}

// replaceFile leaves either the former content or the new one, and never a part.
func replaceFile(path, content string) error {
	if err := os.WriteFile(path+".new", []byte(content), 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// asOperator acts in an institution as the program itself.
func (a *App) asOperator(ctx context.Context, tenant string) (context.Context, error) {
	id, err := a.chosenTenant(ctx, tenant)
	if err != nil {
		return nil, err
	}
	t, err := a.domains.access.TenantByID(ctx, id)
	if pg.IsNoRows(err) {
		return nil, fmt.Errorf("there is no institution %s", id)
	}
	if err != nil {
		return nil, err
	}
	actor := web.SystemActor(id, "admin")
	actor.Test = t.Mode == "test"
	return web.WithActor(ctx, actor), nil
}

func (a *App) chosenTenant(ctx context.Context, tenant string) (uuid.UUID, error) {
	if tenant != "" {
		id, err := uuid.Parse(tenant)
		if err != nil {
			return id, errors.New("--tenant is not the id of an institution")
		}
		return id, nil
	}
	ids, err := a.domains.access.TenantIDs(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	if len(ids) != 1 {
		return uuid.Nil, fmt.Errorf("there are %d institutions: choose one with --tenant", len(ids))
	}
	return ids[0], nil
}

// withApp builds the program on its database, without serving.
func withApp(ctx context.Context, run func(context.Context, *App) error) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	log := logger(cfg)
	private := cfg.DatabaseURL == ""
	cfg, stop, err := CommandDatabase(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer stop()
	if private { // nobody else migrates it; a server's schema is its operator's affair
		if err := pg.Migrate(ctx, cfg.MigrationURL); err != nil {
			return err
		}
	}
	a, err := New(ctx, cfg, Options{Log: log})
	if err != nil {
		return err
	}
	defer a.Close()
	return run(ctx, a)
}
