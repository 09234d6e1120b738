package ticketing

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
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
	// ImportKind is the kind of operation that takes a file in.
	ImportKind = "ticketing_import"
	formatCSV  = "csv"
	formatLine = "ndjson"
	// importStep and importBytes are what one transaction takes at most.
	importStep  = 200
	importBytes = 4 << 20
	// stepTries is how often a step is tried that others were in the way of.
	stepTries = 5
	// keepResults is how long results are kept after the end, keepFiles how long a
	// file waits for work that never came.
	keepResults = 30 * 24 * time.Hour
	keepFiles   = 7 * 24 * time.Hour
	// sweepEvery is how often what is kept too long is looked for.
	sweepEvery = time.Hour
)

// Imports takes in files of records. Files wait in a folder, which several
// processes must share if more than one works.
type Imports struct {
	service    *Service
	operations *operations.Service
	folder     string
}

// NewImports makes the service of files and registers its kind of operation.
// folder is the data folder.
func NewImports(s *Service, o *operations.Service, folder string) *Imports {
	i := &Imports{service: s, operations: o, folder: filepath.Join(folder, "ticketing-imports")}
	o.Register(ImportKind, i.work)
	return i
}

// NewImport describes a file.
type NewImport struct {
	Source string
	Format string // csv, ndjson
	Packed bool   // with gzip
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
	Kind   string `json:"kind,omitempty"`
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
	f := fault.New(fault.Malformed, "invalid-request")
	if in.Format == "" {
		f.AtParameter("format", "required")
	}
	if in.Format == formatCSV && in.Kind == "" {
		f.AtParameter("kind", "required")
	}
	if in.Format == formatLine && in.Kind != "" {
		f.AtParameter("kind", "no-match")
	}
	if err := f.OrNil(); err != nil {
		return operations.Operation{}, err
	}
	p := importParameters{Source: source.ID.String(), File: ids.New().String(), Format: in.Format, Packed: in.Packed, Kind: in.Kind, DryRun: in.DryRun}
	path := i.path(source.TenantID, p.File)
	if err := keepFile(path, in.Body, in.Digest); err != nil {
		return operations.Operation{}, err
	}
	o, err := i.start(ctx, source, path, p)
	if err != nil {
		_ = os.Remove(path)
	}
	return o, err
}

func (i *Imports) start(ctx context.Context, source Source, path string, p importParameters) (operations.Operation, error) {
	if err := i.looksRight(path, p); err != nil {
		return operations.Operation{}, err
	}
	return pg.InTxValue(ctx, i.service.db, source.TenantID, func(ctx context.Context, tx pgx.Tx) (operations.Operation, error) {
		o, err := i.operations.StartTx(ctx, tx, operations.Start{Kind: ImportKind, Unit: "records", Parameters: p})
		if err != nil {
			return o, err
		}
		return o, events.RecordTx(ctx, tx, events.Entry{
			Type: "ticketing.import.started", Subject: events.Subject{Kind: "operation", ID: o.ID, Version: o.Version},
			Facts: map[string]any{"source": source.Code, "format": p.Format, "dry_run": p.DryRun},
		})
	})
}

// looksRight refuses at once what cannot be read at all.
func (i *Imports) looksRight(path string, p importParameters) error {
	r, err := i.open(path, p)
	if err != nil {
		return err
	}
	defer r.close()
	if _, err := r.next(true); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// importResult is what an import ends with.
type importResult struct {
	Source     string           `json:"source"`
	DryRun     bool             `json:"dry_run"`
	Records    int64            `json:"records"`
	Summary    map[string]int64 `json:"summary"`
	ResultsURL string           `json:"results_url"`
}

// work takes a file in. Where it stands is written in the transaction of what
// was done, so that it goes on there after a crash: no record is lost and none
// is taken twice.
func (i *Imports) work(ctx context.Context, run *operations.Run) (any, error) {
	var p importParameters
	if err := run.Parameters(&p); err != nil {
		return nil, err
	}
	path := i.path(run.Tenant(), p.File)
	run.Afterwards(func() { _ = os.Remove(path) })
	done, total := run.Operation.ProgressDone, run.Operation.ProgressTotal
	if total == nil { // and it is read to its end, before anything is taken in
		n, err := i.count(ctx, path, p)
		if err != nil {
			return nil, err
		}
		total = &n
	}
	if err := run.Progress(ctx, done, total); err != nil {
		return nil, err
	}
	r, err := i.open(path, p)
	if err != nil {
		return nil, err
	}
	defer r.close()
	for range done {
		if _, err := r.next(false); err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	next, take := nextStep, i.take
	if p.DryRun {
		next, take = nextStretch, i.rehearse
	}
	for {
		part, err := next(r)
		if err != nil {
			return nil, err
		}
		if len(part) == 0 {
			return i.result(ctx, run, p, done)
		}
		if err := take(ctx, run, p, part, done, total); err != nil {
			return nil, err
		}
		done += int64(len(part))
	}
}

func (i *Imports) count(ctx context.Context, path string, p importParameters) (int64, error) {
	r, err := i.open(path, p)
	if err != nil {
		return 0, err
	}
	defer r.close()
	for n := int64(0); ; n++ {
		if _, err := r.next(false); errors.Is(err, io.EOF) {
			return n, nil
		} else if err != nil {
			return 0, err
		}
		if err := ctx.Err(); err != nil {
			return 0, err
		}
	}
}

func nextStep(r *recordFile) ([]fileRecord, error) {
	var step []fileRecord
	for size := int64(0); len(step) < importStep && size < importBytes; {
		one, err := r.next(true)
		if errors.Is(err, io.EOF) {
			return step, nil
		}
		if err != nil {
			return nil, err
		}
		step, size = append(step, one), size+one.size
	}
	return step, nil
}

// take receives one step and writes what became of it, together.
func (i *Imports) take(ctx context.Context, run *operations.Run, p importParameters, step []fileRecord, done int64, total *int64) error {
	inputs := readable(step)
	note := func(ctx context.Context, tx pgx.Tx, outcomes []Outcome) error {
		if err := i.note(ctx, tx, run, step, outcomes, done); err != nil {
			return err
		}
		return run.ProgressTx(ctx, tx, done+int64(len(step)), total)
	}
	if len(inputs) == 0 {
		return pg.InTx(ctx, i.service.db, run.Tenant(), func(ctx context.Context, tx pgx.Tx) error { return note(ctx, tx, nil) })
	}
	var err error
	for range stepTries {
		if _, err = i.service.receive(ctx, p.Source, inputs, note); !inTheWay(err) {
			break
		}
	}
	return err
}

// readable are the records of a part of a file that could be read.
func readable(part []fileRecord) []Input {
	var inputs []Input
	for _, one := range part {
		if one.wrong == nil {
			inputs = append(inputs, one.input)
		}
	}
	return inputs
}

// inTheWay reports whether others were, and nothing else is wrong.
func inTheWay(err error) bool {
	f, ok := fault.As(pg.Translate(err))
	return ok && f.Code == "unavailable" && !pg.Unreachable(err)
}

type resultViolation struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Line    int64  `json:"line"`
}

type resultWarning struct {
	Code    string `json:"code"`
	Pointer string `json:"pointer"`
}

const (
	mostViolations = 100
	mostWarnings   = 50
)

// note writes what became of each record of a step: what is wrong with it, never
// what it says.
func (i *Imports) note(ctx context.Context, tx pgx.Tx, run *operations.Run, step []fileRecord, outcomes []Outcome, done int64) error {
	a := ticketingdb.InsertImportResultsParams{TenantID: run.Tenant(), OperationID: run.Operation.ID}
	for n, one := range step {
		o := Outcome{Status: Failed, Problem: one.wrong}
		if one.wrong == nil {
			o, outcomes = outcomes[0], outcomes[1:]
		}
		id, code := "", ""
		if o.ID != nil && o.Status != Failed {
			id = o.ID.String()
		}
		violations, warnings := []resultViolation{}, []resultWarning{}
		if o.Status == Failed {
			f := web.Fault(o.Problem)
			if f == nil {
				f = fault.New(fault.Unavailable, "internal")
			}
			code = f.Code
			for _, v := range f.Violations[:min(len(f.Violations), mostViolations)] {
				violations = append(violations, resultViolation{shortened(v.Pointer), v.Code, one.blame(v.Pointer)})
			}
		}
		for _, w := range o.Warnings[:min(len(o.Warnings), mostWarnings)] {
			warnings = append(warnings, resultWarning{w.Code, shortened(w.Pointer)})
		}
		wrong, err := json.Marshal(violations)
		if err != nil {
			return err
		}
		warned, err := json.Marshal(warnings)
		if err != nil {
			return err
		}
		a.Records, a.Lines = append(a.Records, done+int64(n)+1), append(a.Lines, one.line)
		a.Kinds, a.ExternalIds = append(a.Kinds, shortened(one.input.Kind)), append(a.ExternalIds, shortened(one.input.ExternalID))
		a.Statuses, a.SubjectIds, a.Codes = append(a.Statuses, o.Status), append(a.SubjectIds, id), append(a.Codes, code)
		a.Violations, a.Warnings = append(a.Violations, string(wrong)), append(a.Warnings, string(warned))
	}
	return i.service.q.InsertImportResults(ctx, tx, a)
}

func (i *Imports) result(ctx context.Context, run *operations.Run, p importParameters, done int64) (any, error) {
	s := i.service
	counts, err := s.q.CountImportResults(ctx, s.db.Tenant(run.Tenant()), run.Tenant(), run.Operation.ID)
	if err != nil {
		return nil, err
	}
	out := importResult{Source: p.Source, DryRun: p.DryRun, Records: done, Summary: map[string]int64{}, ResultsURL: "/v1/ticketing/sources/" + p.Source + "/imports/" + run.Operation.ID.String() + "/results"}
	for _, status := range []string{Created, Updated, Applied, Unchanged, Stale, Forgotten, Failed} {
		out.Summary[status] = 0
	}
	for _, c := range counts {
		out.Summary[c.Status] = c.Records
	}
	return out, nil
}

// Result is what became of one record of a file.
type Result = ticketingdb.TicketingImportResult

// Results gives what became of the records of a file after one of them.
func (i *Imports) Results(ctx context.Context, reference string, operation uuid.UUID, status *string, after int64, limit int) ([]Result, error) {
	source, err := i.service.GetSource(ctx, reference)
	if err != nil {
		return nil, err
	}
	o, err := i.operations.Get(ctx, operation)
	if err != nil {
		return nil, err
	}
	var p importParameters
	if o.Kind != ImportKind || json.Unmarshal(o.Parameters, &p) != nil || p.Source != source.ID.String() {
		return nil, fault.NotFound()
	}
	return i.service.q.ListImportResults(ctx, i.service.db.Tenant(source.TenantID), ticketingdb.ListImportResultsParams{
		TenantID: source.TenantID, OperationID: operation, Status: status, After: after, PageSize: int32(limit),
	})
}

// Run removes what is kept too long, until the context ends. Any number of
// processes may run it.
func (i *Imports) Run(ctx context.Context, log *slog.Logger) error {
	timer := time.NewTicker(sweepEvery)
	defer timer.Stop()
	for {
		if err := i.Sweep(ctx); err != nil && ctx.Err() == nil {
			log.WarnContext(ctx, "old files of records and results could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-timer.C:
		}
	}
}

// Sweep removes results of work that ended long ago, and files whose work was
// cancelled before it began.
func (i *Imports) Sweep(ctx context.Context) error {
	s := i.service
	now := s.clock.Now()
	err := sweepFiles(i.folder, now.Add(-keepFiles))
	rows, queried := s.db.Unscoped().Query(ctx, "select active_tenants()")
	if queried != nil {
		return errors.Join(err, queried)
	}
	tenants, collected := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	err = errors.Join(err, collected)
	for _, tenant := range tenants {
		err = errors.Join(err, s.q.ForgetImportResults(ctx, s.db.Tenant(tenant), tenant, now.Add(-keepResults)))
	}
	return err
}
