package transfers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	exportKind = "export"
	importKind = "import"
	// keepArchives is how long an archive can be downloaded. It holds everything
	// about everybody, so not for long.
	keepArchives = 7 * 24 * time.Hour
	// reportEvery is how often progress is written.
	reportEvery = 500 * time.Millisecond
)

// Keys makes the first key of an imported institution.
type Keys func(ctx context.Context, tenant uuid.UUID, test bool) (string, error)

// Service is export and import as operations. Archives lie in a folder, which
// several processes must share if more than one serves.
type Service struct {
	engine     *Engine
	operations *operations.Service
	clock      clock.Clock
	folder     string
	largest    int64
	keys       Keys
}

// NewService makes the service and registers its kinds of operations. folder is
// the data folder; largest is the greatest archive taken in, in bytes.
func NewService(e *Engine, o *operations.Service, c clock.Clock, folder string, largest int64, keys Keys) *Service {
	s := &Service{engine: e, operations: o, clock: c, folder: folder, largest: largest, keys: keys}
	o.Register(exportKind, s.export)
	o.Register(importKind, s.imports)
	return s
}

type exportParameters struct {
	Without      []string `json:"without"`
	SensitiveFor string   `json:"sensitive_for,omitempty"`
}

type exportResult struct {
	DownloadURL string    `json:"download_url"`
	Bytes       int64     `json:"bytes"`
	SHA256      string    `json:"sha256"`
	Rows        int64     `json:"rows"`
	SnapshotAt  string    `json:"snapshot_at"`
	ExpiresAt   time.Time `json:"expires_at"`
}

// StartExport starts an export of the actor's institution.
func (s *Service) StartExport(ctx context.Context, without []string, sensitiveFor string) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	if err := s.seesWhole(ctx, actor.Tenant); err != nil {
		return operations.Operation{}, err
	}
	in := operations.Start{Kind: exportKind, Unit: "records", Parameters: exportParameters{Without: without, SensitiveFor: sensitiveFor}}
	if sensitiveFor == "" {
		return s.start(ctx, actor.Tenant, in)
	}
	if !actor.Scopes.Allow(sensitiveScope) {
		return operations.Operation{}, fault.New(fault.Forbidden, "insufficient-scope").With("scope", sensitiveScope).Extra("required_scope", sensitiveScope)
	}
	if _, err := Recipient(sensitiveFor); err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, s.engine.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		// Whose facts leave is noted as every reading of them is.
		rows, err := tx.Query(ctx, "select distinct contact_id from sensitive_facts where tenant_id = $1", actor.Tenant)
		if err != nil {
			return operations.Operation{}, err
		}
		persons, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return operations.Operation{}, err
		}
		if err := audit.RecordReadTx(ctx, tx, "createExport", "archive for "+sensitiveFor, persons...); err != nil {
			return operations.Operation{}, err
		}
		return s.operations.StartTx(ctx, tx, in)
	})
}

// seesWhole refuses an archive, in which everything is, to whoever does not see
// everything and may not take it along. An archive is a file, behind no row-level
// security: so the database is asked too what the scope of the statement holds.
func (s *Service) seesWhole(ctx context.Context, tenant uuid.UUID) error {
	whole, err := readsWhole(ctx)
	if err != nil {
		return err
	}
	if whole = whole && pg.SightIn(ctx).Whole(); whole {
		const held = `select sight_everywhere('see') and sight_everywhere('see_contact_points') and sight_everywhere('see_restricted') and sight_everywhere('export')`
		if err := s.engine.DB.Tenant(tenant).QueryRow(ctx, held).Scan(&whole); err != nil {
			return err
		}
	}
	if !whole {
		return fault.New(fault.Forbidden, "export-beyond-rights")
	}
	return nil
}

// readsWhole reports whether every class of fields may be read. Sensitive facts
// are apart: they leave for a recipient only.
func readsWhole(ctx context.Context) (bool, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return false, err
	}
	classes, err := web.ContractClasses()
	if err != nil {
		return false, err
	}
	return !slices.ContainsFunc(classes.All(), func(class string) bool { return class != sensitiveClass && !actor.Reads(class) }), nil
}

const sensitiveClass = "sensitive"

// sensitiveScope is what reading sensitive facts asks for.
const sensitiveScope = "contacts.sensitive:read"

func (s *Service) start(ctx context.Context, tenant uuid.UUID, in operations.Start) (operations.Operation, error) {
	return pg.InTxValue(ctx, s.engine.DB, tenant, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		return s.operations.StartTx(ctx, tx, in)
	})
}

func (s *Service) archivePath(tenant, operation uuid.UUID) string {
	return filepath.Join(s.folder, "exports", tenant.String(), operation.String()+".zip")
}

// report publishes progress, not more often than anybody looks.
func (s *Service) report(ctx context.Context, run *operations.Run) func(done, total int64) error {
	var last time.Time
	return func(done, total int64) error {
		now := s.engine.now()
		if now.Sub(last) < reportEvery && done < total {
			return nil
		}
		last = now
		return run.Progress(ctx, done, &total)
	}
}

// export does the work of one export. Started again after a crash, it starts
// from the beginning, at a new instant.
func (s *Service) export(ctx context.Context, run *operations.Run) (any, error) {
	var p exportParameters
	if err := run.Parameters(&p); err != nil {
		return nil, err
	}
	path := s.archivePath(run.Tenant(), run.Operation.ID)
	var m archive.Manifest
	hash, size := sha256.New(), &counter{}
	err := Whole(path, func(w io.Writer) error {
		var err error
		m, err = s.engine.Write(ctx, io.MultiWriter(w, hash, size), Export{Tenant: run.Tenant(), Without: p.Without, SensitiveFor: p.SensitiveFor, Progress: s.report(ctx, run)})
		return err
	})
	if err != nil {
		// An earlier attempt may have been whole, and not have come to say so.
		run.Afterwards(func() { _ = os.Remove(path) })
		return nil, err
	}
	now := s.clock.Now()
	if err := os.Chtimes(path, now, now); err != nil {
		return nil, storage(err)
	}
	result := exportResult{
		DownloadURL: "/v1/exports/" + run.Operation.ID.String() + "/archive", Bytes: size.n, SHA256: hex.EncodeToString(hash.Sum(nil)),
		Rows: m.Rows(), SnapshotAt: m.SnapshotAt, ExpiresAt: now.Add(keepArchives),
	}
	run.Announce("export.ready", map[string]any{"rows": result.Rows, "bytes": result.Bytes})
	return result, nil
}

type counter struct{ n int64 }

func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

// Archive opens the archive of a finished export of the actor's institution.
// The tag is its SHA-256.
func (s *Service) Archive(ctx context.Context, id uuid.UUID) (file *os.File, tag string, err error) {
	o, err := s.operations.Get(ctx, id)
	if err != nil {
		return nil, "", err
	}
	if o.Kind != exportKind {
		return nil, "", fault.NotFound()
	}
	if err := s.seesWhole(ctx, o.TenantID); err != nil {
		return nil, "", err
	}
	var result exportResult
	if o.Status != "succeeded" || json.Unmarshal(o.Result, &result) != nil {
		return nil, "", fault.New(fault.Conflict, "export-unfinished")
	}
	if !s.clock.Now().Before(result.ExpiresAt) {
		return nil, "", fault.New(fault.Gone, "export-expired")
	}
	file, err = os.Open(s.archivePath(o.TenantID, o.ID))
	if errors.Is(err, os.ErrNotExist) {
		return nil, "", fault.New(fault.Gone, "export-expired")
	}
	return file, result.SHA256, storage(err)
}

type importParameters struct {
	File string `json:"file"`
}

// ImportResult is what an import says of itself when it is done.
type ImportResult struct {
	TenantID uuid.UUID `json:"tenant_id"`
	Test     bool      `json:"test"`
	Rows     int64     `json:"rows"`
	Tables   int       `json:"tables"`
}

// StartImport takes an archive in, looks at its manifest and starts the import.
func (s *Service) StartImport(ctx context.Context, body io.Reader) (operations.Operation, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return operations.Operation{}, err
	}
	if err := s.checkNew(ctx, actor.Tenant); err != nil {
		return operations.Operation{}, err
	}
	name := ids.New().String() + ".zip"
	path := s.uploadPath(actor.Tenant, name)
	if err := Whole(path, func(w io.Writer) error { return s.receive(w, body) }); err != nil {
		return operations.Operation{}, err
	}
	o, err := s.startUploaded(ctx, actor.Tenant, name)
	if err != nil {
		_ = os.Remove(path)
	}
	return o, err
}

func (s *Service) uploadPath(tenant uuid.UUID, name string) string {
	return filepath.Join(s.folder, "imports", tenant.String(), filepath.Base(name))
}

func (s *Service) receive(w io.Writer, body io.Reader) error {
	n, err := io.Copy(w, io.LimitReader(body, s.largest+1))
	if _, ok := fault.As(err); ok {
		return err
	}
	if err != nil {
		return fault.New(fault.Malformed, "invalid-request").Because(err)
	}
	if n > s.largest {
		return fault.New(fault.TooLarge, "too-large").With("limit", s.largest)
	}
	return nil
}

func (s *Service) startUploaded(ctx context.Context, tenant uuid.UUID, name string) (operations.Operation, error) {
	a, err := archive.Open(s.uploadPath(tenant, name))
	if err != nil {
		return operations.Operation{}, invalid(err)
	}
	_ = a.Close()
	return s.start(ctx, tenant, operations.Start{Kind: importKind, Unit: "records", Parameters: importParameters{File: name}})
}

// checkNew refuses an installation that is not new: one where somebody else is,
// or where the caller already works.
func (s *Service) checkNew(ctx context.Context, tenant uuid.UUID) error {
	return pg.InTx(ctx, s.engine.DB, tenant, func(ctx context.Context, tx pgx.Tx) error {
		rows, err := tx.Query(ctx, "select active_tenants()")
		if err != nil {
			return err
		}
		all, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		if len(all) != 1 {
			return fault.New(fault.Conflict, "not-empty").With("table", "tenants")
		}
		for name, r := range leaving() {
			if r.founding || r.group != "" {
				continue
			}
			var full bool
			if err := tx.QueryRow(ctx, "select exists (select from "+quote(name)+" where tenant_id = $1)", tenant).Scan(&full); err != nil {
				return err
			}
			if full {
				return fault.New(fault.Conflict, "not-empty").With("table", name)
			}
		}
		return nil
	})
}

// imports does the work of one import. All or nothing: started again after a
// crash it finds nothing of the first attempt, or all of it. The archive that
// was sent is kept until the operation has ended.
func (s *Service) imports(ctx context.Context, run *operations.Run) (any, error) {
	var p importParameters
	if err := run.Parameters(&p); err != nil {
		return nil, err
	}
	path := s.uploadPath(run.Tenant(), p.File)
	run.Afterwards(func() { _ = os.Remove(path) })
	result, err := s.importFile(ctx, run, path)
	if err != nil {
		return nil, err
	}
	run.Announce("import.finished", map[string]any{"tenant": result.TenantID, "rows": result.Rows})
	return result, nil
}

func (s *Service) importFile(ctx context.Context, run *operations.Run, path string) (ImportResult, error) {
	a, err := archive.Open(path)
	if err != nil {
		return ImportResult{}, invalid(err)
	}
	defer func() { _ = a.Close() }()
	in, err := s.engine.Read(ctx, a, Import{Operation: run.Operation.ID, Progress: s.report(ctx, run)})
	return ImportResult{TenantID: in.Tenant, Test: a.Manifest.Tenant.Mode == "test", Rows: in.Rows, Tables: in.Tables}, err
}

// MakeKey makes the first key of an institution that the actor has imported.
func (s *Service) MakeKey(ctx context.Context, id uuid.UUID) (uuid.UUID, string, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return uuid.Nil, "", err
	}
	o, err := s.operations.Get(ctx, id)
	if err != nil {
		return uuid.Nil, "", err
	}
	var result ImportResult
	if o.Kind != importKind || o.CreatedBy != actor.ID || o.CreatedByKind != string(actor.Kind) {
		return uuid.Nil, "", fault.NotFound()
	}
	if o.Status != "succeeded" || json.Unmarshal(o.Result, &result) != nil {
		return uuid.Nil, "", fault.New(fault.Conflict, "import-unfinished")
	}
	has, err := s.HasKey(ctx, result.TenantID)
	if err != nil {
		return uuid.Nil, "", err
	}
	if has {
		return uuid.Nil, "", fault.New(fault.Conflict, "import-key-made")
	}
	key, err := s.keys(ctx, result.TenantID, result.Test)
	return result.TenantID, key, err
}

// HasKey reports whether an institution has a key of this installation.
func (s *Service) HasKey(ctx context.Context, tenant uuid.UUID) (has bool, err error) {
	err = s.engine.DB.Tenant(tenant).QueryRow(ctx, "select exists (select from api_keys where tenant_id = $1 and revoked_at is null)", tenant).Scan(&has)
	return has, err
}

// Sweep removes archives that are no longer offered, and what a crash left.
func (s *Service) Sweep() error {
	var errs []error
	for _, kind := range []string{"exports", "imports"} {
		files, err := filepath.Glob(filepath.Join(s.folder, kind, "*", "*"))
		if err != nil {
			return err
		}
		slices.Sort(files)
		for _, path := range files {
			info, err := os.Stat(path)
			if err == nil && s.clock.Now().Sub(info.ModTime()) >= keepArchives {
				err = os.Remove(path)
			}
			if err != nil && !errors.Is(err, os.ErrNotExist) {
				errs = append(errs, fmt.Errorf("transfers: %w", err))
			}
		}
	}
	return errors.Join(errs...)
}

// Run sweeps now and then, until the context ends.
func (s *Service) Run(ctx context.Context) error {
	t := time.NewTicker(10 * time.Minute)
	defer t.Stop()
	for {
		if err := s.Sweep(); err != nil {
			s.engine.Log.WarnContext(ctx, "old archives could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-t.C:
		}
	}
}
