package parvistest

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/parvis-crm/parvis/internal/pgembed"
)

const (
	// timeZone is Newfoundland's, half an hour off everybody else's.
	timeZone = "America/St_Johns"
	// appPassword is that of the application's role on a server that is not ours.
	appPassword = "parvis_app"
)

// cluster is the PostgreSQL server the tests of this process use.
type cluster struct {
	admin    *pgxpool.Pool
	ownerURL func(database string) string
	appURL   func(database string) string
	template string
	strategy string
	// server and folder are those of a private cluster, nil otherwise.
	server *pgembed.Server
	folder *runFolder
}

func openCluster(ctx context.Context, wanted schema) (*cluster, error) {
	if given := os.Getenv("PARVIS_TEST_DATABASE_URL"); given != "" {
		return externalCluster(ctx, given, wanted)
	}
	root, err := clusterRoot()
	if err != nil {
		return nil, err
	}
	return privateCluster(ctx, root, wanted)
}

// externalCluster uses a server that runs already.
func externalCluster(ctx context.Context, given string, wanted schema) (*cluster, error) {
	parsed, err := url.Parse(given)
	if err != nil || (parsed.Scheme != "postgres" && parsed.Scheme != "postgresql") {
		return nil, errors.New("PARVIS_TEST_DATABASE_URL is not a URL that begins with postgres://")
	}
	c := &cluster{
		ownerURL: func(database string) string {
			owner := *parsed
			owner.Path = "/" + database
			return owner.String()
		},
		appURL: func(database string) string {
			app := *parsed
			app.User = url.UserPassword(appRole, appPassword)
			query := app.Query()
			query.Del("user")
			query.Del("password")
			app.Path, app.RawQuery = "/"+database, query.Encode()
			return app.String()
		},
	}
	return c, c.connect(ctx, given, wanted, true)
}

// privateCluster starts a server on a copy of a cluster that was prepared once.
func privateCluster(ctx context.Context, root string, wanted schema) (*cluster, error) {
	folder, err := takeFolder(ctx, root, wanted)
	if err != nil {
		return nil, err
	}
	c, err := startCluster(ctx, folder.data(), wanted)
	if err != nil {
		// What was prepared may be damaged, or made by a PostgreSQL that has been
		// replaced since: prepare it again, once.
		folder.discard(wanted)
		if folder, err = takeFolder(ctx, root, wanted); err != nil {
			return nil, err
		}
		if c, err = startCluster(ctx, folder.data(), wanted); err != nil {
			return nil, err
		}
	}
	c.folder = folder
	return c, nil
}

// startCluster starts a private server that is fast and forgetful.
func startCluster(ctx context.Context, dir string, wanted schema) (*cluster, error) {
	server, err := pgembed.Start(ctx, pgembed.Config{
		DataDir: dir,
		BinDir:  os.Getenv("PARVIS_PG_BIN_DIR"),
		Parameters: map[string]string{
			"autovacuum":      "off",
			"max_connections": "300",
			"shared_buffers":  "64MB",
			"timezone":        timeZone,
		},
	})
	if err != nil {
		return nil, err
	}
	c := &cluster{
		server:   server,
		ownerURL: func(database string) string { return server.URL(pgembed.Superuser, database) },
		appURL:   func(database string) string { return server.URL(appRole, database) },
	}
	if err := c.connect(ctx, c.ownerURL("postgres"), wanted, false); err != nil {
		return nil, errors.Join(err, server.Stop(context.WithoutCancel(ctx)))
	}
	return c, nil
}

// connect opens the connections that clone and drop, and sees to the template.
func (c *cluster) connect(ctx context.Context, adminURL string, wanted schema, passwords bool) error {
	config, err := pgxpool.ParseConfig(adminURL)
	if err != nil {
		return fmt.Errorf("read the URL of the test server: %w", err)
	}
	config.MaxConns = 4
	if c.admin, err = pgxpool.NewWithConfig(ctx, config); err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	if err := c.prepare(ctx, wanted, passwords); err != nil {
		c.admin.Close()
		return err
	}
	return nil
}

func (c *cluster) prepare(ctx context.Context, wanted schema, passwords bool) error {
	if err := ensureTemplate(ctx, c.admin, c.ownerURL, wanted, passwords); err != nil {
		return err
	}
	c.template = wanted.templateName()
	var fsync string
	if err := c.admin.QueryRow(ctx, "SHOW fsync").Scan(&fsync); err != nil {
		return fmt.Errorf("ask the test server for its settings: %w", err)
	}
	// Copying files is the fastest way, unless each must reach the disk.
	c.strategy = "wal_log"
	if fsync == "off" {
		c.strategy = "file_copy"
	}
	return nil
}

// close ends a cluster before the process does.
func (c *cluster) close(ctx context.Context) error {
	c.admin.Close()
	if c.server == nil {
		return nil
	}
	err := c.server.Stop(ctx)
	if c.folder != nil {
		err = errors.Join(err, c.folder.remove())
	}
	return err
}

// keepFolder keeps the files of a private cluster beyond the end of the process
// and says how to start a server on them.
func (c *cluster) keepFolder() string {
	if c.folder == nil {
		return ""
	}
	marker := filepath.Join(c.folder.dir, keptMarker)
	if err := os.WriteFile(marker, nil, 0o600); err != nil {
		return " until the tests end (" + err.Error() + ")"
	}
	return "; once the tests have ended:\n\t" + c.server.ByHand()
}
