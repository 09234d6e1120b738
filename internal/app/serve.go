package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/pgembed"
	"github.com/parvis-crm/parvis/internal/web"
)

// ServeCommand is `parvis serve`.
type ServeCommand struct {
	NoMigrate bool `help:"Do not migrate at start."`
}

// Run implements the command.
func (c ServeCommand) Run(ctx context.Context) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	return Serve(ctx, cfg, !c.NoMigrate, os.Stdout)
}

// Serve starts what is needed, serves until ctx ends, and stops what it
// started. It tells a person on out where everything is.
func Serve(ctx context.Context, cfg config.Config, migrate bool, out io.Writer) error {
	log := logger(cfg)
	// Reading the contract takes as long as the database takes to start; New
	// waits for it, and reports what goes wrong.
	go func() {
		_, _ = web.ContractValidator()
		_, _ = web.ContractClasses()
	}()
	cfg, stop, err := Database(ctx, cfg, log)
	if err != nil {
		return err
	}
	defer stop()
	if migrate {
		if err := pg.MigrateToServe(ctx, cfg.MigrationURL, cfg.DatabaseURL); err != nil {
			return err
		}
	}
	a, err := New(ctx, cfg, Options{Log: log})
	if err != nil {
		return err
	}
	defer a.Close()
	var socket net.ListenConfig
	listener, err := socket.Listen(ctx, "tcp", cfg.Addr)
	if err != nil {
		return fmt.Errorf("the server cannot listen on %s: %w. Set PARVIS_ADDR to a free address", cfg.Addr, err)
	}
	if err := a.firstKey(ctx, out); err != nil {
		return err
	}
	// Another program may have made the first institution meanwhile, with the key
	// that it made itself.
	if err := a.judgeMasterKey(ctx); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(out, "Parvis %s is ready.\n  API            %s/v1\n  Documentation  %s/docs\n  Explorer       %s/docs/try\n  Health         %s/healthz\n",
		Version, cfg.Public(), cfg.Public(), cfg.Public(), cfg.Public())
	return a.Run(ctx, listener)
}

// Database gives the configuration its database: the one it names, or the
// private PostgreSQL of the data folder, started here and stopped by the
// returned function.
func Database(ctx context.Context, cfg config.Config, log *slog.Logger) (config.Config, func(), error) {
	stop := func() {}
	if cfg.DatabaseURL == "" {
		folder, err := filepath.Abs(filepath.Join(cfg.DataDir, "postgres"))
		if err != nil {
			return cfg, stop, err
		}
		server, err := pgembed.Keep(ctx, pgembed.Config{DataDir: folder, BinDir: cfg.PostgresBin, Durable: true, Logger: log})
		if err != nil {
			return cfg, stop, err
		}
		cfg = at(cfg, server)
		stop = func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			_ = server.Stop(ctx)
		}
		if err := pg.AllowLogin(ctx, cfg.MigrationURL); err != nil {
			stop()
			return cfg, func() {}, err
		}
	}
	return completed(cfg), stop, nil
}

// completed says what the configuration leaves to be concluded.
func completed(cfg config.Config) config.Config {
	cfg.MigrationURL = cmp.Or(cfg.MigrationURL, cfg.DatabaseURL)
	cfg.ListenURL = cmp.Or(cfg.ListenURL, cfg.DatabaseURL)
	return cfg
}

// at puts the database of a private server into the configuration.
func at(cfg config.Config, server interface {
	URL(role, database string) string
}) config.Config {
	cfg.MigrationURL = server.URL(pgembed.Superuser, "postgres")
	cfg.DatabaseURL = server.URL(pg.Role, "postgres")
	return cfg
}

// CommandDatabase is Database for a command that ends by itself: where a running
// Parvis has started the private PostgreSQL, the command works beside it, as it
// would on a server's, and leaves it running.
func CommandDatabase(ctx context.Context, cfg config.Config, log *slog.Logger) (config.Config, func(), error) {
	started, stop, err := Database(ctx, cfg, log)
	if !errors.Is(err, pgembed.ErrServed) {
		return started, stop, err
	}
	nothing := func() {}
	guest, err := pgembed.Join(ctx, filepath.Join(cfg.DataDir, "postgres"))
	if err != nil {
		return cfg, nothing, err
	}
	cfg = completed(at(cfg, guest))
	version, dirty, err := pg.Version(ctx, cfg.MigrationURL)
	if err != nil {
		return cfg, nothing, err
	}
	latest, err := pg.Latest()
	if err == nil && (dirty || version != latest) {
		err = fmt.Errorf("the Parvis that runs here has its database at version %d, and this program needs version %d: use the program that runs, or stop it first", version, latest)
	}
	return cfg, nothing, err
}

// MigrateCommand is `parvis migrate`.
type MigrateCommand struct {
	Force *int `help:"Record this version as applied without running anything."`
}

// Run implements the command.
func (c MigrateCommand) Run(ctx context.Context) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	cfg, stop, err := Database(ctx, cfg, logger(cfg))
	if err != nil {
		return err
	}
	defer stop()
	if c.Force != nil {
		return pg.Force(ctx, cfg.MigrationURL, *c.Force)
	}
	if err := pg.MigrateToServe(ctx, cfg.MigrationURL, cfg.DatabaseURL); err != nil {
		return err
	}
	version, _, err := pg.Version(ctx, cfg.MigrationURL)
	if err == nil {
		fmt.Printf("The database is at version %d.\n", version)
	}
	return err
}

// firstKey makes the first institution and its administrator key when there is
// none yet, shows the key once and leaves it in admin.key of the data folder.
func (a *App) firstKey(ctx context.Context, out io.Writer) error {
	var exists bool
	if err := a.DB.Unscoped().QueryRow(ctx, "select exists (select 1 from active_tenants())").Scan(&exists); err != nil || exists {
		return err
	}
	key, err := a.Bootstrap(ctx, access.NewTenant{Name: "Institution"})
	if err != nil {
		return err
	}
	path := filepath.Join(a.Config.DataDir, "admin.key")
	if err := os.MkdirAll(a.Config.DataDir, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(key+"\n"), 0o600); err != nil {
		return fmt.Errorf("the administrator key cannot be kept: %w", err)
	}
	_, _ = fmt.Fprintf(out, "Administrator key, shown once and kept in %s:\n  %s\n", path, key)
	return a.wrapFirst(ctx)
}

// Bootstrap makes an institution and a key that may do everything in it, and
// returns the key's text.
func (a *App) Bootstrap(ctx context.Context, in access.NewTenant) (string, error) {
	tenant, err := a.domains.access.CreateTenant(ctx, in)
	if err != nil {
		return "", err
	}
	actor := web.SystemActor(tenant, "bootstrap")
	actor.Test = in.Test
	_, key, err := a.domains.access.CreateKey(web.WithActor(ctx, actor), access.NewKey{Name: access.AdministratorKey, Kind: apikey.Secret, Scopes: []string{"*"}})
	return key, err
}

func logger(cfg config.Config) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(strings.ToUpper(cfg.LogLevel))); err != nil {
		level = slog.LevelInfo
	}
	o := &slog.HandlerOptions{Level: level}
	if cfg.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(os.Stderr, o))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, o))
}
