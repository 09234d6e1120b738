package pgembed

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// settingsFile lies in the cluster and is written anew at each start.
const settingsFile = "parvis.conf"

// initCluster makes a new cluster under another name and renames it when it is
// whole, so that a start cut short leaves nothing that looks like one.
//
// Text is UTF-8. It sorts by code point (locale C), which is the same on every
// machine and version, so that indexes survive an upgrade of the C library;
// C.UTF-8 as character type lets lower() and upper() know accents.
func initCluster(ctx context.Context, cfg Config, acct account, h *home, bin binaries) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("create a database: %w", err)
	}
	cfg.Logger.Info("creating a new database", "folder", h.dir, "postgresql", bin.version)
	// A start that was killed may have left initdb at work for a moment: it gets
	// no chance to write into its successor's folder, and to be in the way.
	left, err := filepath.Glob(h.path("cluster.new*"))
	if err != nil {
		return fmt.Errorf("create a database: %w", err)
	}
	for _, name := range left {
		_ = os.RemoveAll(name)
	}
	building := h.path(fmt.Sprintf("cluster.new.%d.%d", os.Getpid(), time.Now().UnixNano()))
	var output string
	for _, characters := range []string{"C.UTF-8", "C"} {
		if err := os.RemoveAll(building); err != nil {
			return fmt.Errorf("create a database: %w", err)
		}
		if err := acct.makeDir(building); err != nil {
			return fmt.Errorf("create a database: %w", err)
		}
		args := []string{
			"-D", building, "-U", Superuser, "--encoding=UTF8", "--locale=C", "--lc-ctype=" + characters,
			"--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions",
		}
		if cfg.Durable {
			args = append(args, "--data-checksums")
		} else {
			args = append(args, "--no-sync", "--wal-segsize=1")
		}
		output, err = acct.run(bin.path("initdb"), args...)
		if err == nil || !strings.Contains(output, "locale") {
			break
		}
		cfg.Logger.Warn("this machine lacks the locale C.UTF-8: lower() and upper() will not know accents")
	}
	if err != nil {
		_ = os.RemoveAll(building)
		lines := strings.Split(strings.TrimSpace(output), "\n")
		return fmt.Errorf("create a database in %s: %w: %s", h.dir, err, strings.Join(lines[max(0, len(lines)-3):], "; "))
	}
	if err := includeSettings(building); err != nil {
		return fmt.Errorf("create a database: %w", err)
	}
	if err := os.Rename(building, h.cluster()); err != nil {
		return fmt.Errorf("create a database: %w", err)
	}
	if cfg.Durable {
		return syncDir(h.dir)
	}
	return nil
}

// includeSettings makes PostgreSQL read our settings after its own defaults and
// before what an administrator set with ALTER SYSTEM.
func includeSettings(cluster string) error {
	conf, err := os.OpenFile(filepath.Join(cluster, "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(conf, "\n# Written by Parvis at each start.\ninclude_if_exists '%s'\n", settingsFile); err != nil {
		_ = conf.Close()
		return err
	}
	if err := conf.Sync(); err != nil {
		_ = conf.Close()
		return err
	}
	return conf.Close()
}

// syncDir makes a rename inside dir last through a power cut.
func syncDir(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	defer func() { _ = folder.Close() }()
	if err := folder.Sync(); err != nil {
		return fmt.Errorf("flush %s: %w", dir, err)
	}
	return nil
}
