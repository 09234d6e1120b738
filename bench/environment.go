package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/bench/internal/dataset"
	"github.com/parvis-crm/parvis/bench/internal/measure"
	"github.com/parvis-crm/parvis/db"
	"github.com/parvis-crm/parvis/internal/access"
	"github.com/parvis-crm/parvis/internal/access/apikey"
	"github.com/parvis-crm/parvis/internal/app"
	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/pgembed"
	"github.com/parvis-crm/parvis/internal/web"
)

// environment is a durable PostgreSQL with a data set, and the real program
// serving from it.
type environment struct {
	settings
	pg       *pgembed.Server
	pgPID    int
	database string
	cfg      config.Config
	server   *exec.Cmd
	address  string
	key      string
	pgbin    string
	work     string
}

// postgresOf is a durable PostgreSQL under a folder.
func postgresOf(home string) pgembed.Config {
	return pgembed.Config{DataDir: filepath.Join(home, "postgres"), Durable: true,
		Parameters: map[string]string{"shared_buffers": "2GB", "max_wal_size": "8GB", "checkpoint_timeout": "30min", "maintenance_work_mem": "512MB"}}
}

func prepare(ctx context.Context, s settings) (*environment, error) {
	home, err := filepath.Abs(s.home)
	if err != nil {
		return nil, err
	}
	e := &environment{settings: s, work: home}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return nil, err
	}
	if e.pg, err = pgembed.Start(ctx, postgresOf(home)); err != nil {
		return nil, err
	}
	if err := e.serve(ctx); err != nil {
		return nil, errors.Join(err, e.close())
	}
	return e, nil
}

func (e *environment) serve(ctx context.Context) error {
	hash, err := schemaHash()
	if err != nil {
		return err
	}
	e.database = fmt.Sprintf("bench_%s_%d_%s", e.size, edition, hash)
	if err := e.load(ctx); err != nil {
		return fmt.Errorf("loading the data set: %w", err)
	}
	if err := e.find(ctx); err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	e.address = listener.Addr().String()
	if err := listener.Close(); err != nil {
		return err
	}
	master := sha256.Sum256([]byte("the bench's master key"))
	quota := 1_000_000_000
	e.cfg = config.Config{
		Addr: e.address, DataDir: filepath.Join(e.work, "data-"+e.size), DatabaseURL: e.pg.URL(pg.Role, e.database), MigrationURL: e.pg.URL(pgembed.Superuser, e.database),
		MasterKey: base64.StdEncoding.EncodeToString(master[:]), MaxConns: 20, RateDefault: quota, RateSearch: quota, RateBulk: quota, RateForm: quota, RateOAuth: quota, RateInstitution: quota, RateAddress: quota,
		LogFormat: "text", LogLevel: "warn", ShutdownGrace: 5 * time.Second,
	}
	if e.key, err = e.makeKey(ctx, "*"); err != nil {
		return err
	}
	binary := filepath.Join(e.work, "parvis")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, "./cmd/parvis")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		return fmt.Errorf("building the program: %w", err)
	}
	return e.start(ctx, binary)
}

// sibling serves another data set beside this one, from the same PostgreSQL.
func (e *environment) sibling(ctx context.Context, size string) (*environment, error) {
	s := *e
	s.size, s.people, s.server = size, sizes[size], nil
	return &s, s.serve(ctx)
}

// start runs the program and waits for its first answer.
func (e *environment) start(ctx context.Context, binary string) error {
	q := strconv.Itoa(e.cfg.RateDefault)
	e.server = exec.Command(binary, "serve")
	e.server.Env = append(os.Environ(),
		"PARVIS_ADDR="+e.address, "PARVIS_DATA_DIR="+e.cfg.DataDir, "PARVIS_DATABASE_URL="+e.cfg.DatabaseURL, "PARVIS_MIGRATION_URL="+e.cfg.MigrationURL,
		"PARVIS_MASTER_KEY="+e.cfg.MasterKey, "PARVIS_DB_MAX_CONNS=20", "PARVIS_LOG_LEVEL=warn", "PARVIS_WEBHOOK_ALLOW_CIDRS=127.0.0.0/8",
		"PARVIS_RATE_DEFAULT="+q, "PARVIS_RATE_SEARCH="+q, "PARVIS_RATE_BULK="+q, "PARVIS_RATE_FORM="+q, "PARVIS_RATE_OAUTH="+q, "PARVIS_RATE_INSTITUTION="+q, "PARVIS_RATE_ADDRESS="+q)
	e.server.Stderr = os.Stderr
	if err := e.server.Start(); err != nil {
		return err
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if r, err := http.Get("http://" + e.address + "/readyz"); err == nil {
			_ = r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return nil
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.New("the program does not become ready")
}

func (e *environment) stopServer() error {
	if e.server == nil || e.server.Process == nil {
		return nil
	}
	_ = e.server.Process.Signal(os.Interrupt)
	err := e.server.Wait()
	e.server = nil
	return err
}

func (e *environment) close() error {
	err := e.stopServer()
	if e.pg != nil {
		err = errors.Join(err, e.pg.Stop(context.Background()))
	}
	return err
}

// makeKey makes a key of the first institution with these rights.
func (e *environment) makeKey(ctx context.Context, scopes ...string) (string, error) {
	a, err := app.New(ctx, e.cfg, app.Options{})
	if err != nil {
		return "", err
	}
	defer a.Close()
	ctx = web.WithActor(ctx, web.SystemActor(dataset.TenantID(0), "bench"))
	_, key, err := a.Access().CreateKey(ctx, access.NewKey{Name: "bench", Kind: apikey.Secret, Scopes: scopes})
	return key, err
}

// purposeKey makes a key that reads whoever agreed to the newsletter.
func (e *environment) purposeKey(ctx context.Context, scopes ...string) (string, error) {
	a, err := app.New(ctx, e.cfg, app.Options{})
	if err != nil {
		return "", err
	}
	defer a.Close()
	ctx = web.WithActor(ctx, web.SystemActor(dataset.TenantID(0), "bench"))
	_, key, err := a.Access().CreateKey(ctx, access.NewKey{Name: "bench newsletter", Kind: apikey.Secret, Scopes: scopes, Limits: access.Limits{Purposes: []string{"newsletter"}}})
	return key, err
}

// limitedKey makes a key that reads the contacts of one department, which from
// now on holds all of them, no restricted ones, and not every class of fields.
func (e *environment) limitedKey(ctx context.Context, scopes ...string) (string, error) {
	key, err := e.makeKey(ctx, scopes...)
	if err != nil {
		return "", err
	}
	conn, err := pgx.Connect(ctx, e.pg.URL(pgembed.Superuser, e.database))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(ctx) }()
	tenant, department := dataset.TenantID(0), ids.New()
	for _, step := range []struct {
		sql  string
		args []any
	}{
		{"set search_path = crm; set app.sight = '*'; set session_replication_role = replica", nil},
		{"insert into departments (tenant_id, id, code, name) values ($1, $2, $3, 'Bench')", []any{tenant, department, "bench-" + department.String()[24:]}},
		{"update api_keys set department_ids = array[$2::uuid], readable_classes = '{identity,contact_point,financial}' where tenant_id = $1 and id = (select id from api_keys where tenant_id = $1 order by created_at desc, id desc limit 1)", []any{tenant, department}},
		{`update contacts set department_ids = array[$2::uuid], reach_department_ids = array[$2::uuid], act_department_ids = array[$2::uuid],
			export_department_ids = array[$2::uuid] where tenant_id = $1`, []any{tenant, department}},
		{"vacuum analyze contacts", nil},
	} {
		if _, err := conn.Exec(ctx, step.sql, step.args...); err != nil {
			return "", err
		}
	}
	return key, nil
}

// find learns where pgbench and the server's process are.
func (e *environment) find(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, e.pg.URL(pgembed.Superuser, e.database))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	var folder string
	if err := conn.QueryRow(ctx, "select setting from pg_config where name = 'BINDIR'").Scan(&e.pgbin); err != nil {
		return err
	}
	if err := conn.QueryRow(ctx, "show data_directory").Scan(&folder); err != nil {
		return err
	}
	raw, err := os.ReadFile(filepath.Join(folder, "postmaster.pid"))
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(raw), "\n")
	e.pgPID, err = strconv.Atoi(first)
	return err
}

var tps = regexp.MustCompile(`tps = ([0-9.]+) \(without`)

// pgbench runs a script for a while and returns transactions a second and the
// processor time of PostgreSQL for one, in microseconds.
func (e *environment) pgbench(ctx context.Context, script string, conns int, d time.Duration) (rate, cpu float64, err error) {
	file := filepath.Join(e.work, "ceiling.sql")
	if err := os.WriteFile(file, []byte(script), 0o644); err != nil {
		return 0, 0, err
	}
	before := measure.Family(e.pgPID)
	cmd := exec.CommandContext(ctx, filepath.Join(e.pgbin, "pgbench"), "-n", "-M", "prepared", "-c", strconv.Itoa(conns), "-j", "2",
		"-T", strconv.Itoa(max(1, int(d.Seconds()))), "-f", file, e.pg.URL(pgembed.Superuser, e.database)+"&options=-csearch_path%3Dcrm")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return 0, 0, fmt.Errorf("pgbench: %w: %s", err, out.String())
	}
	m := tps.FindStringSubmatch(out.String())
	if m == nil {
		return 0, 0, fmt.Errorf("pgbench: %s", out.String())
	}
	rate, err = strconv.ParseFloat(m[1], 64)
	spent := measure.Family(e.pgPID) - before
	return rate, float64(spent.Microseconds()) / (rate * d.Seconds()), err
}

// edition is raised when the data set changes, so that none of an earlier kind is
// measured.
const edition = 2

// schemaHash names the schema that a kept data set was made for.
func schemaHash() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(db.Migrations, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := fs.ReadFile(db.Migrations, path)
		h.Write(raw)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:8], err
}
