package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

// Report says what Verify has looked at.
type Report struct {
	Files      int
	Rows       int64
	References int // foreign keys followed to their record
	Events     int64
	SignedBy   string
}

// Verify proves an archive from itself alone: manifest and signature, the
// digest of every file, every record canonical, in its place and as its JSON
// Schema says, every reference met, the chain of events unbroken up to the head
// that the manifest gives. The error is a Flaw that names file and line.
// It stops when the context
// ends. Memory stays bounded whatever the archive holds. progress gets the number of
// records read so far.
func Verify(ctx context.Context, a *Archive, progress func(done int64)) (Report, error) {
	report := Report{SignedBy: a.SignedBy, Rows: a.Manifest.Rows()}
	for _, f := range a.Manifest.Files {
		report.Files++
		if f.Table == "" {
			if err := a.checkDigest(ctx, f); err != nil {
				return report, err
			}
		}
	}
	v, err := newVerifier(a, progress)
	if err != nil {
		return report, err
	}
	defer v.close()
	// Tables do not depend on each other until their keys are compared; the
	// largest first, so that the rest fits beside it.
	tables := slices.Clone(v.tables)
	slices.SortFunc(tables, func(x, y *tableCheck) int { return int(min(max(y.rows-x.rows, -1), 1)) })
	group, working := errgroup.WithContext(ctx)
	group.SetLimit(max(1, min(4, runtime.GOMAXPROCS(0))))
	for _, t := range tables {
		group.Go(func() error { return v.table(working, t) })
	}
	group.Go(func() error {
		var err error
		report.Events, err = verifyChain(working, a)
		return err
	})
	err = group.Wait()
	if ctx.Err() != nil {
		return report, ctx.Err() // what was cut short looks like a flaw
	}
	if err != nil {
		return report, err
	}
	for _, r := range v.references {
		line, err := orphan(ctx, r.keys, r.parent.targets[strings.Join(r.Target, ",")].keys)
		if err != nil {
			return report, err
		}
		if line > 0 {
			return report, flaw(DataPath(r.table), line, "(%s) names a record of %s that is not there", strings.Join(r.Columns, ", "), r.To)
		}
		report.References++
	}
	return report, nil
}

type verifier struct {
	archive    *Archive
	tables     []*tableCheck
	references []*referenceCheck
	progress   func(int64)
	seen       chan int64
	counted    chan struct{}
}

type tableCheck struct {
	Table
	rows       int64
	schema     *recordSchema
	key        []int // places of the primary key
	references []*referenceCheck
	targets    map[string]*keyed // by column list
}

type keyed struct {
	places []int
	keys   *keySet
}

type referenceCheck struct {
	Reference
	table  string
	parent *tableCheck
	keyed
}

func newVerifier(a *Archive, progress func(int64)) (*verifier, error) {
	v := &verifier{archive: a, progress: progress, seen: make(chan int64, 16), counted: make(chan struct{})}
	byName := map[string]*tableCheck{}
	for _, t := range a.Dictionary.Tables {
		raw, err := a.Read(SchemaPath(t.Name))
		if err != nil {
			return nil, err
		}
		schema, err := compileSchema(raw)
		if err != nil {
			return nil, flaw(SchemaPath(t.Name), 0, "%v", err)
		}
		f, err := a.file(DataPath(t.Name))
		if err != nil {
			return nil, err
		}
		check := &tableCheck{Table: t, rows: f.Rows, schema: schema, targets: map[string]*keyed{}}
		if check.key, err = schema.places(t.PrimaryKey); err != nil {
			return nil, flaw(DictionaryPath, 0, "%s: %v", t.Name, err)
		}
		v.tables = append(v.tables, check)
		byName[t.Name] = check
	}
	for _, t := range v.tables {
		for _, r := range t.Table.References {
			parent := byName[r.To]
			if parent == nil {
				if slices.Contains(a.Manifest.Omitted, r.To) {
					continue
				}
				return nil, flaw(DictionaryPath, 0, "%s refers to %s, which is not in the archive", t.Name, r.To)
			}
			check := &referenceCheck{Reference: r, table: t.Name, parent: parent, keyed: keyed{keys: &keySet{}}}
			var err error
			if check.places, err = t.schema.places(r.Columns); err != nil {
				return nil, flaw(DictionaryPath, 0, "%s: %v", t.Name, err)
			}
			t.references = append(t.references, check)
			v.references = append(v.references, check)
			name := strings.Join(r.Target, ",")
			if parent.targets[name] == nil {
				places, err := parent.schema.places(r.Target)
				if err != nil {
					return nil, flaw(DictionaryPath, 0, "%s: %v", r.To, err)
				}
				parent.targets[name] = &keyed{places: places, keys: &keySet{}}
			}
		}
	}
	go v.count()
	return v, nil
}

// places finds columns among the members of a record.
func (s *recordSchema) places(columns []string) ([]int, error) {
	var out []int
	for _, c := range columns {
		i, ok := slices.BinarySearch(s.names, c)
		if !ok {
			return nil, fmt.Errorf("column %s is not in the schema", c)
		}
		out = append(out, i)
	}
	return out, nil
}

func (v *verifier) count() {
	defer close(v.counted)
	var done int64
	for n := range v.seen {
		done += n
		if v.progress != nil {
			v.progress(done)
		}
	}
}

func (v *verifier) close() {
	close(v.seen)
	<-v.counted
	for _, t := range v.tables {
		for _, k := range t.targets {
			k.keys.close()
		}
	}
	for _, r := range v.references {
		r.keys.close()
	}
}

const countEvery = 1000

func (v *verifier) table(ctx context.Context, t *tableCheck) error {
	values := make([][]byte, len(t.schema.names))
	var canonical []byte
	previous := make([][]byte, len(t.key))
	started := false
	file := DataPath(t.Name)
	return v.archive.Lines(ctx, t.Name, func(line int64, record []byte) error {
		if line%countEvery == 0 {
			v.seen <- countEvery
		}
		var err error
		if canonical, err = AppendCanonical(canonical[:0], record); err != nil {
			return flaw(file, line, "is not a JSON record")
		}
		if !bytes.Equal(canonical, record) {
			return flaw(file, line, "is not in canonical form (RFC 8785)")
		}
		if what := t.schema.check(record, values); what != "" {
			return flaw(file, line, "%s", what)
		}
		order := 1
		if started {
			order = 0
			for i, place := range t.key {
				if order = compareValues(values[place], previous[i]); order != 0 {
					break
				}
			}
		}
		if order <= 0 {
			return flaw(file, line, "is not after the line before it in the order of the primary key")
		}
		started = true
		for i, place := range t.key {
			previous[i] = append(previous[i][:0], values[place]...)
		}
		return v.keys(t, line, values)
	})
}

func (v *verifier) keys(t *tableCheck, line int64, values [][]byte) error {
	var key [8][]byte
	collect := func(k *keyed) error {
		chosen := key[:0]
		for _, place := range k.places {
			if bytes.Equal(values[place], []byte("null")) {
				return nil // a reference that is not made (SQL: MATCH SIMPLE)
			}
			chosen = append(chosen, values[place])
		}
		return k.keys.add(line, chosen...)
	}
	for _, k := range t.targets {
		if err := collect(k); err != nil {
			return err
		}
	}
	for _, r := range t.references {
		if err := collect(&r.keyed); err != nil {
			return err
		}
	}
	return nil
}

// compareValues orders the values of a key as the export sorts them: numbers by
// size, texts by their bytes.
func compareValues(a, b []byte) int {
	if len(a) > 0 && len(b) > 0 && a[0] != '"' && b[0] != '"' {
		negative := a[0] == '-'
		if negative != (b[0] == '-') {
			if negative {
				return -1
			}
			return 1
		}
		order := len(a) - len(b)
		if order == 0 {
			order = bytes.Compare(a, b)
		}
		if negative {
			return -order
		}
		return order
	}
	if bytes.IndexByte(a, '\\') < 0 && bytes.IndexByte(b, '\\') < 0 {
		return bytes.Compare(bytes.Trim(a, `"`), bytes.Trim(b, `"`))
	}
	return bytes.Compare(unquoted(a), unquoted(b))
}

// IsFlaw reports whether an error says that an archive is not intact.
func IsFlaw(err error) (*Flaw, bool) {
	var f *Flaw
	ok := errors.As(err, &f)
	return f, ok
}
