package app

import (
	"context"
	"errors"

	"github.com/parvis-crm/parvis/internal/config"
)

// WorkCommand is `parvis work`.
type WorkCommand struct{}

// Run implements the command: the workers without the server, for machines
// beside those that serve. Migrating is left to these.
func (WorkCommand) Run(ctx context.Context) error {
	cfg, err := config.Load()
	if err != nil {
		return err
	}
	if cfg.DatabaseURL == "" {
		return errors.New("set PARVIS_DATABASE_URL: the private PostgreSQL belongs to one `parvis serve`, which works by itself")
	}
	cfg.Workers = true
	log := logger(cfg)
	a, err := New(ctx, cfg, Options{Log: log})
	if err != nil {
		return err
	}
	defer a.Close()
	log.InfoContext(ctx, "workers started", "version", Version)
	return a.Run(ctx, nil)
}
