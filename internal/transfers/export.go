package transfers

import (
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
	"github.com/parvis-crm/parvis/internal/vault"
)

// Deps is what the package needs from the rest of the program.
type Deps struct {
	DB *pg.DB
	// Sequence numbers the committed events of an institution (events.Sequencer).
	Sequence func(ctx context.Context, tenant uuid.UUID) (int, error)
	// SealReads seals the reads of an institution that wait for it (audit.ReadLog).
	SealReads func(ctx context.Context, tenant uuid.UUID) error
	// Contract is the OpenAPI document that goes into every archive.
	Contract []byte
	Version  string // of the program
	Schema   uint   // number of the program's last migration
	// SigningKey signs manifests: the installation's.
	SigningKey ed25519.PrivateKey
	Log        *slog.Logger
	Vault      *vault.Vault
	Sensitive  Sensitive
}

// Engine exports and imports.
type Engine struct{ Deps }

// NewEngine makes the engine.
func NewEngine(d Deps) *Engine { return &Engine{d} }

// now is the machine's time, by which progress is reported.
func (e *Engine) now() time.Time { return clock.System{}.Now() }

// Export says what is exported.
type Export struct {
	Tenant uuid.UUID
	// Without names groups that are left out: "events", "access_log".
	Without []string
	// SensitiveFor is the public key (age) of whom sensitive facts are encrypted
	// for; without it they are left out.
	SensitiveFor string
	// Progress gets the number of records written and of all; its error ends
	// the export.
	Progress func(done, total int64) error
}

const (
	// progressEvery is how many records pass between two reports.
	progressEvery = 5000
	// An export starts from a moment at which every event has its number and every
	// read its seal, if there is one soon; otherwise what waits travels as such, and
	// is numbered and sealed where it arrives.
	quietTries = 20
	quietPause = 50 * time.Millisecond
)

var errNotQuiet = errors.New("events are waiting for their number, or reads for their seal")

// Write exports an institution into w, as of one instant. Writers are not held
// up.
func (e *Engine) Write(ctx context.Context, w io.Writer, o Export) (archive.Manifest, error) {
	for try := 1; ; try++ {
		for {
			n, err := e.Sequence(ctx, o.Tenant)
			if err != nil && !errors.Is(err, events.ErrBusy) {
				return archive.Manifest{}, err
			}
			if n == 0 {
				break // none left, or another process is numbering them
			}
		}
		if err := e.SealReads(ctx, o.Tenant); err != nil {
			return archive.Manifest{}, err
		}
		var m archive.Manifest
		err := pg.Snapshot(ctx, e.DB, o.Tenant, func(ctx context.Context, tx pgx.Tx) error {
			var waiting int64
			var unsealed bool
			if err := tx.QueryRow(ctx, `select (select count(*) from event_queue where tenant_id = $1),
				exists (select from audit_unsealed where tenant_id = $1 and log = 'reads')`, o.Tenant).Scan(&waiting, &unsealed); err != nil {
				return err
			}
			if (waiting > 0 || unsealed) && try < quietTries {
				return errNotQuiet
			}
			s := &snapshot{engine: e, tx: tx, order: o, out: w}
			s.manifest.EventLog.Waiting = waiting
			var err error
			m, err = s.write(ctx)
			return err
		})
		if !errors.Is(err, errNotQuiet) {
			return m, err
		}
		select {
		case <-ctx.Done():
			return m, ctx.Err()
		case <-time.After(quietPause):
		}
	}
}

// snapshot is one export under way.
type snapshot struct {
	engine     *Engine
	tx         pgx.Tx
	order      Export
	out        io.Writer
	manifest   archive.Manifest
	dictionary archive.Dictionary
	tables     map[string]*table
	recipient  *age.X25519Recipient
	done       int64
	total      int64
}

func (s *snapshot) write(ctx context.Context) (archive.Manifest, error) {
	at, err := s.describe(ctx)
	if err != nil {
		return s.manifest, err
	}
	if err := s.count(ctx); err != nil {
		return s.manifest, err
	}
	w := archive.NewWriter(s.out, at)
	if err := s.documents(w); err != nil {
		return s.manifest, err
	}
	for _, t := range s.dictionary.Tables {
		if err := s.table(ctx, w, t); err != nil {
			return s.manifest, fmt.Errorf("transfers: table %s: %w", t.Name, err)
		}
	}
	if err := s.progress(); err != nil {
		return s.manifest, err
	}
	return w.Close(s.manifest, s.engine.SigningKey)
}

// describe fills the manifest and the dictionary and returns the instant of the
// snapshot.
func (s *snapshot) describe(ctx context.Context) (time.Time, error) {
	e, m := s.engine, &s.manifest
	var at time.Time
	var digest []byte
	recipient, err := Recipient(s.order.SensitiveFor)
	if err != nil {
		return at, err
	}
	s.recipient = recipient
	err = s.tx.QueryRow(ctx, `select now(), t.name, t.mode, coalesce(h.sequence, 0), coalesce(h.digest, decode(repeat('00', 32), 'hex'))
		from tenants t left join event_heads h on h.tenant_id = t.tenant_id where t.tenant_id = $1`, s.order.Tenant).
		Scan(&at, &m.Tenant.Name, &m.Tenant.Mode, &m.EventLog.Sequence, &digest)
	if pg.IsNoRows(err) {
		return at, fault.NotFound()
	}
	if err != nil {
		return at, err
	}
	at = at.UTC()
	m.Tenant.ID, m.EventLog.Digest = s.order.Tenant.String(), hex.EncodeToString(digest)
	m.SnapshotAt = at.Format("2006-01-02T15:04:05.000000Z")
	m.Software = archive.Software{Name: "Parvis", Version: e.Version}
	m.SchemaVersion = e.Schema
	without := slices.Clone(s.order.Without)
	if s.recipient == nil {
		without = append(without, sensitiveGroup)
	}
	if err := s.countSensitive(ctx); err != nil {
		return at, err
	}
	names, omitted := chosen(without)
	m.Omitted = append([]string{}, omitted...)
	for name, r := range staying() {
		m.Excluded = append(m.Excluded, archive.Excluded{Table: name, Reason: r.en, Raison: r.fr})
	}
	slices.SortFunc(m.Excluded, func(a, b archive.Excluded) int { return strings.Compare(a.Table, b.Table) })
	if s.tables, err = readCatalogue(ctx, s.tx); err != nil {
		return at, err
	}
	s.dictionary, err = dictionary(s.tables, names)
	return at, err
}

// count makes the total that progress is measured by.
func (s *snapshot) count(ctx context.Context) error {
	for _, t := range s.dictionary.Tables {
		var n int64
		if err := s.tx.QueryRow(ctx, "select count(*) from "+t.Name+where(t.Name), s.order.Tenant).Scan(&n); err != nil {
			return err
		}
		s.total += n
	}
	return s.progress()
}

func where(name string) string {
	clause := " where tenant_id = $1"
	if r := leaving()[name]; r.where != "" {
		clause += " and (" + r.where + ")"
	}
	return clause
}

func (s *snapshot) documents(w *archive.Writer) error {
	var contract any
	if err := json.Unmarshal(s.engine.Contract, &contract); err != nil {
		return err
	}
	files := []struct {
		path    string
		content any
	}{{"openapi.json", contract}, {archive.DictionaryPath, s.dictionary}}
	for _, t := range s.dictionary.Tables {
		files = append(files, struct {
			path    string
			content any
		}{archive.SchemaPath(t.Name), t.JSONSchema()})
	}
	for _, f := range files {
		raw, err := json.MarshalIndent(f.content, "", "  ")
		if err != nil {
			return err
		}
		if err := w.File(f.path, append(raw, '\n')); err != nil {
			return err
		}
	}
	if err := w.File("README.md", readme); err != nil {
		return err
	}
	for _, lang := range []string{"fr", "en"} {
		if err := w.File("dictionary."+lang+".md", s.dictionary.Markdown(lang, s.manifest)); err != nil {
			return err
		}
	}
	return nil
}

func (s *snapshot) progress() error {
	if s.order.Progress == nil {
		return nil
	}
	return s.order.Progress(s.done, max(s.total, s.done))
}

func (s *snapshot) table(ctx context.Context, w *archive.Writer, t archive.Table) error {
	_, err := w.Table(t.Name, func(lines *archive.Lines) error {
		return s.records(ctx, t, lines)
	})
	return err
}

// records reads a table in the order of its key and encodes each row as it
// comes, so that memory does not grow with the table.
func (s *snapshot) records(ctx context.Context, t archive.Table, lines *archive.Lines) error {
	source := s.tables[t.Name]
	sql, members := selection(source, t)
	rows, err := s.tx.Query(ctx, sql, pgx.QueryResultFormats{pgx.BinaryFormatCode}, s.order.Tenant)
	if err != nil {
		return err
	}
	defer rows.Close()
	var values [][]byte
	encode := func(dst []byte) ([]byte, error) {
		var err error
		for i, m := range members {
			dst = append(dst, m.prefix...)
			if values[i] == nil {
				dst = append(dst, "null"...)
				continue
			}
			value := values[i]
			if m.personal {
				if value, err = s.forRecipient(ctx, m, values); err != nil {
					return dst, fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
				}
			}
			if m.sealed != "" {
				if value, err = s.open(ctx, t.Name, m, values); err != nil {
					return dst, fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
				}
			}
			if dst, err = m.encode(dst, value); err != nil {
				return dst, fmt.Errorf("column %s: %w", t.Columns[i].Name, err)
			}
		}
		return append(dst, '}'), nil
	}
	for rows.Next() {
		values = rows.RawValues()
		if err := lines.Add(encode); err != nil {
			return err
		}
		if s.done++; s.done%progressEvery == 0 {
			if err := s.progress(); err != nil {
				return err
			}
		}
	}
	return rows.Err()
}

// member writes one member of a record: the text before its value, and the value.
type member struct {
	prefix string
	encode encoder
	// sealed is the column that holds the value under the institution's key, and
	// row where the row's identifier stands among the values.
	sealed string
	row    int
	value  int
	// personal values are under the key of the person whose identifier stands at
	// person.
	personal bool
	person   int
}

// open gives a value in the clear, which it leaves in: an archive is to be
// readable without this installation's keys.
func (s *snapshot) open(ctx context.Context, table string, m member, values [][]byte) ([]byte, error) {
	if !vault.IsSealed(values[m.value]) {
		return values[m.value], nil
	}
	id, err := uuid.FromBytes(values[m.row])
	if err != nil {
		return nil, err
	}
	tenant := s.order.Tenant
	// The transaction is at reading rows.
	return s.engine.Vault.OpenFor(pg.Detached(ctx), s.engine.DB.Tenant(tenant), vault.Place{Tenant: tenant, Table: table, Column: m.sealed, Row: id.String()}, values[m.value])
}

func selection(source *table, t archive.Table) (string, []member) {
	r := leaving()[t.Name]
	var expressions []string
	var members []member
	for i, described := range t.Columns {
		c, _ := source.column(described.Name)
		expression := c.expression()
		if switched, ok := r.switched[c.name]; ok {
			expression = switched
		}
		m := member{encode: encoderOf(c), value: i}
		if m.sealed = r.opened[c.name]; m.sealed != "" {
			expression = "coalesce(" + quote(m.sealed) + ", convert_to(" + quote(c.name) + "::text, 'UTF8'))"
			m.encode = encodeOpened
			m.row = slices.IndexFunc(t.Columns, func(c archive.Column) bool { return c.Name == "id" })
		}
		if m.personal = r.personal == c.name; m.personal {
			m.row = slices.IndexFunc(t.Columns, func(c archive.Column) bool { return c.Name == "id" })
			m.person = slices.IndexFunc(t.Columns, func(c archive.Column) bool { return c.Name == "contact_id" })
		}
		expressions = append(expressions, expression)
		prefix := `,"` + c.name + `":`
		if i == 0 {
			prefix = `{"` + c.name + `":`
		}
		m.prefix = prefix
		members = append(members, m)
	}
	var order []string
	for _, name := range t.PrimaryKey {
		c, _ := source.column(name)
		switch name = quote(name); {
		case c.isText && c.collated:
			name += ` collate "C"`
		case c.dbType == "bytea":
			// In the order of the text that stands in the archive, not of the bytes.
			name = `translate(encode(` + name + `, 'base64'), E'\n', '') collate "C"`
		}
		order = append(order, name)
	}
	sql := "select " + strings.Join(expressions, ", ") + " from " + t.Name + where(t.Name)
	if len(order) > 0 {
		sql += " order by " + strings.Join(order, ", ")
	}
	return sql, members
}
