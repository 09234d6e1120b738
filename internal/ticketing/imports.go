package ticketing

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/ticketing/internal/ticketingdb"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	importKind = "ticketing_import"
	formatCSV  = "csv"
	formatLine = "ndjson"
	// importStep is how many records are one transaction.
	importStep = 200
	// keepResults is how long results are kept, keepFiles how long a file waits
	// for work that never came.
	keepResults = 30 * 24 * time.Hour
	keepFiles   = 7 * 24 * time.Hour
)

// Imports takes in files of records.
type Imports struct {
	service    *Service
	operations *operations.Service
	folder     string
}

// NewImports makes the service of files and registers its kind of operation.
// Files wait in the data folder, which several processes must share if more than
// one works.
func NewImports(s *Service, o *operations.Service, folder string) *Imports {
	i := &Imports{service: s, operations: o, folder: filepath.Join(folder, "ticketing-imports")}
	o.Register(importKind, i.work)
	return i
}

// NewImport describes a file.
type NewImport struct {
	Source string
	Format string // csv, ndjson
	Packed bool
	Kind   string // of the records of CSV
	DryRun bool
	Digest *string // Content-Digest (RFC 9530)
	Body   io.Reader
}

type importParameters struct {
	Source string `json:"source"` // its id
	File   string `json:"file"`
	Format string `json:"format"`
	Packed bool   `json:"packed"`
	Kind   string `json:"kind"`
	DryRun bool   `json:"dry_run"`
}

// Start keeps a file and starts the work on it.
func (i *Imports) Start(ctx context.Context, in NewImport) (operations.Operation, error) {
	source, err := i.service.GetSource(ctx, in.Source)
	if err != nil {
		return operations.Operation{}, err
	}
	if source.Status == "paused" {
		return operations.Operation{}, fault.New(fault.Conflict, "ticketing-source-paused").With("code", source.Code)
	}
	f := fault.Invalid()
	if in.Format == "" {
		f.Violations = append(f.Violations, fault.Violation{Code: "required", Parameter: "format"})
	}
	if in.Format == formatCSV && in.Kind == "" {
		f.Violations = append(f.Violations, fault.Violation{Code: "required", Parameter: "kind"})
	}
	if err := f.OrNil(); err != nil {
		return operations.Operation{}, err
	}
	p := importParameters{Source: source.ID.String(), File: ids.New().String(), Format: in.Format, Packed: in.Packed, Kind: in.Kind, DryRun: in.DryRun}
	path := i.path(source.TenantID, p.File)
	if err := i.keep(path, in); err != nil {
		return operations.Operation{}, err
	}
	o, err := i.start(ctx, source, path, p)
	if err != nil {
		_ = os.Remove(path)
	}
	return o, err
}

func (i *Imports) start(ctx context.Context, source Source, path string, p importParameters) (operations.Operation, error) {
	if err := looksRight(path, p); err != nil {
		return operations.Operation{}, err
	}
	s := i.service
	return pg.InTxValue(ctx, s.db, source.TenantID, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		if err := s.q.ForgetImportResults(ctx, tx, source.TenantID, s.clock.Now().Add(-keepResults)); err != nil {
			return operations.Operation{}, err
		}
		o, err := i.operations.StartTx(ctx, tx, operations.Start{Kind: importKind, Unit: "records", Parameters: p})
		if err != nil {
			return o, err
		}
		return o, events.RecordTx(ctx, tx, events.Entry{
			Type: "ticketing.import.started", Subject: events.Subject{Kind: "operation", ID: o.ID, Version: o.Version},
			Facts: map[string]any{"source": source.Code, "format": p.Format, "dry_run": p.DryRun},
		})
	})
}

func (i *Imports) path(tenant uuid.UUID, name string) string {
	return filepath.Join(i.folder, tenant.String(), filepath.Base(name))
}

var digestForm = regexp.MustCompile(`(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):`)

// keep writes what is sent into a file and checks its digest on the way.
func (i *Imports) keep(path string, in NewImport) error {
	var want []byte
	if in.Digest != nil {
		found := digestForm.FindStringSubmatch(*in.Digest)
		if found == nil {
			f := fault.Invalid()
			f.Violations = append(f.Violations, fault.Violation{Code: "format", Params: map[string]any{"want": "sha-256=:…:"}, Header: "Content-Digest"})
			return f
		}
		want, _ = base64.StdEncoding.DecodeString(found[1])
	}
	folder := filepath.Dir(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fault.New(fault.Unavailable, "storage-failed").Because(err)
	}
	i.sweep(folder)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.New(fault.Unavailable, "storage-failed").Because(err)
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(file, hash), io.LimitReader(in.Body, largestImport+1))
	switch _, isFault := fault.As(err); {
	case isFault:
	case err != nil:
		err = fault.New(fault.Malformed, "invalid-request").Because(err)
	case n > largestImport:
		err = fault.New(fault.TooLarge, "too-large").With("limit", int64(largestImport))
	case want != nil && string(want) != string(hash.Sum(nil)):
		err = fault.New(fault.Refused, "content-digest-mismatch")
	default:
		if err = file.Sync(); err != nil {
			err = fault.New(fault.Unavailable, "storage-failed").Because(err)
		}
	}
	if closed := file.Close(); err == nil && closed != nil {
		err = fault.New(fault.Unavailable, "storage-failed").Because(closed)
	}
	if err != nil {
		_ = os.Remove(path)
	}
	return err
}

// sweep removes files whose work was cancelled before it began.
func (i *Imports) sweep(folder string) {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && i.service.clock.Now().Sub(info.ModTime()) > keepFiles {
			_ = os.Remove(filepath.Join(folder, e.Name()))
		}
	}
}

// looksRight refuses at once what cannot be read at all.
func looksRight(path string, p importParameters) error {
	file, err := os.Open(path)
	if err != nil {
		return fault.New(fault.Unavailable, "storage-failed").Because(err)
	}
	defer func() { _ = file.Close() }()
	r, err := readImport(file, p)
	if err != nil {
		return err
	}
	if _, err := r.next(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// importResult is what an import ends with.
type importResult struct {
	DryRun     bool             `json:"dry_run"`
	Records    int64            `json:"records"`
	Summary    map[string]int64 `json:"summary"`
	ResultsURL string           `json:"results_url"`
}

// work takes a file in. Where it stands is written with what was done, so that
// it goes on there after a crash.
func (i *Imports) work(ctx context.Context, run *operations.Run) (any, error) {
	var p importParameters
	if err := run.Parameters(&p); err != nil {
		return nil, err
	}
	path := i.path(run.Tenant(), p.File)
	run.Afterwards(func() { _ = os.Remove(path) })
	total, err := countRecords(path, p)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, fault.New(fault.Unavailable, "storage-failed").Because(err)
	}
	defer func() { _ = file.Close() }()
	r, err := readImport(file, p)
	if err != nil {
		return nil, err
	}
	done := run.Operation.ProgressDone
	for n := int64(0); n < done; n++ {
		if _, err := r.next(); err != nil {
			return nil, err
		}
	}
	for {
		step, err := nextStep(r)
		if err != nil {
			return nil, err
		}
		if len(step) == 0 {
			break
		}
		if err := i.take(ctx, run, p, step, done, total); err != nil {
			return nil, err
		}
		done += int64(len(step))
	}
	return i.result(ctx, run, p, done)
}

func countRecords(path string, p importParameters) (int64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, fault.New(fault.Unavailable, "storage-failed").Because(err)
	}
	defer func() { _ = file.Close() }()
	r, err := readImport(file, p)
	if err != nil {
		return 0, err
	}
	for n := int64(0); ; n++ {
		if _, err := r.next(); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
}

func nextStep(r fileReader) ([]fileRecord, error) {
	var step []fileRecord
	for len(step) < importStep {
		one, err := r.next()
		if errors.Is(err, io.EOF) {
			return step, nil
		}
		if err != nil {
			return nil, err
		}
		step = append(step, one)
	}
	return step, nil
}

// errDry ends the transaction of a dry run.
var errDry = errors.New("ticketing: nothing is to be written")

// take receives one step and writes what became of it.
func (i *Imports) take(ctx context.Context, run *operations.Run, p importParameters, step []fileRecord, done, total int64) error {
	var inputs []Input
	for _, one := range step {
		if one.wrong == nil {
			inputs = append(inputs, one.input)
		}
	}
	note := func(ctx context.Context, tx pgx.Tx, outcomes []Outcome) error {
		if err := i.note(ctx, tx, run, step, outcomes, done); err != nil {
			return err
		}
		return run.ProgressTx(ctx, tx, done+int64(len(step)), &total)
	}
	if !p.DryRun && len(inputs) > 0 {
		_, err := i.service.receive(ctx, p.Source, inputs, note)
		return err
	}
	var outcomes []Outcome
	if len(inputs) > 0 {
		var err error
		outcomes, err = i.service.receive(ctx, p.Source, inputs, func(context.Context, pgx.Tx, []Outcome) error { return errDry })
		if !errors.Is(err, errDry) {
			return err
		}
	}
	return pg.InTx(ctx, i.service.db, run.Tenant(), func(ctx context.Context, tx pgx.Tx) error { return note(ctx, tx, outcomes) })
}

type resultError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
}

// note writes what became of each record of a step.
func (i *Imports) note(ctx context.Context, tx pgx.Tx, run *operations.Run, step []fileRecord, outcomes []Outcome, done int64) error {
	a := ticketingdb.InsertImportResultsParams{TenantID: run.Tenant(), OperationID: run.Operation.ID}
	next := 0
	for n, one := range step {
		o := Outcome{Status: Failed, Problem: one.wrong}
		if one.wrong == nil {
			o = outcomes[next]
			next++
		}
		id, code, wrong := "", "", ""
		if o.ID != nil {
			id = o.ID.String()
		}
		if o.Status == Failed {
			f := web.Fault(o.Problem)
			if f == nil {
				f = fault.New(fault.Unavailable, "internal")
			}
			code = f.Code
			list := []resultError{}
			for _, v := range f.Violations {
				list = append(list, resultError{unformulated(shortened(v.Pointer)), v.Code})
			}
			raw, err := json.Marshal(list)
			if err != nil {
				return err
			}
			wrong = string(raw)
		}
		a.Records = append(a.Records, done+int64(n)+1)
		a.Lines = append(a.Lines, one.line)
		a.Kinds = append(a.Kinds, shortened(one.input.Kind))
		a.ExternalIds = append(a.ExternalIds, shortened(one.input.ExternalID))
		a.Statuses = append(a.Statuses, o.Status)
		a.SubjectIds = append(a.SubjectIds, id)
		a.Codes = append(a.Codes, code)
		a.Errors = append(a.Errors, wrong)
	}
	return i.service.q.InsertImportResults(ctx, tx, a)
}

func (i *Imports) result(ctx context.Context, run *operations.Run, p importParameters, done int64) (any, error) {
	s := i.service
	counts, err := s.q.CountImportResults(ctx, s.db.Tenant(run.Tenant()), run.Tenant(), run.Operation.ID)
	if err != nil {
		return nil, err
	}
	out := importResult{DryRun: p.DryRun, Records: done, Summary: map[string]int64{}, ResultsURL: "/v1/ticketing/sources/" + p.Source + "/imports/" + run.Operation.ID.String() + "/results"}
	for _, status := range []string{Created, Updated, Applied, Unchanged, Stale, Failed} {
		out.Summary[status] = 0
	}
	for _, c := range counts {
		out.Summary[c.Status] = c.Records
	}
	return out, nil
}

// Result is what became of one record of a file.
type Result = ticketingdb.TicketingImportResult

// Results gives what became of the records of a file, page by page.
func (i *Imports) Results(ctx context.Context, reference string, operation uuid.UUID) (func(ctx context.Context, after int64) ([]Result, error), error) {
	source, err := i.service.GetSource(ctx, reference)
	if err != nil {
		return nil, err
	}
	o, err := i.operations.Get(ctx, operation)
	if err != nil {
		return nil, err
	}
	var p importParameters
	if o.Kind != importKind || json.Unmarshal(o.Parameters, &p) != nil || p.Source != source.ID.String() {
		return nil, fault.NotFound()
	}
	return func(ctx context.Context, after int64) ([]Result, error) {
		return i.service.q.ListImportResults(ctx, i.service.db.Tenant(source.TenantID), ticketingdb.ListImportResultsParams{
			TenantID: source.TenantID, OperationID: operation, After: after, PageSize: resultsPage,
		})
	}, nil
}

const resultsPage = 1000
