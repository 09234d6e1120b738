package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Difference is one place where two archives disagree.
type Difference struct {
	Table string
	Key   string // primary key of the record, as JSON values; empty: the table as a whole
	What  string
}

// String says it in one line.
func (d Difference) String() string {
	if d.Key == "" {
		return d.Table + ": " + d.What
	}
	return d.Table + " " + d.Key + ": " + d.What
}

var errEnough = errors.New("enough")

// Compare reads two archives beside each other and returns the first
// differences between their data, at most limit; none means that they hold the
// same. Manifests differ by nature (time, software) and are not compared. The
// error is a Flaw where one of them is damaged, also where its records are not.
func Compare(ctx context.Context, a, b *Archive, limit int) ([]Difference, error) {
	for _, one := range []*Archive{a, b} {
		for _, f := range one.Manifest.Files {
			if f.Table == "" { // those of tables are read below
				if err := one.checkDigest(ctx, f); err != nil {
					return nil, err
				}
			}
		}
	}
	var out []Difference
	names := map[string]bool{}
	for _, d := range []Dictionary{a.Dictionary, b.Dictionary} {
		for _, t := range d.Tables {
			names[t.Name] = true
		}
	}
	ordered := make([]string, 0, len(names))
	for name := range names {
		ordered = append(ordered, name)
	}
	slices.Sort(ordered)
	if a.Manifest.Tenant.ID != b.Manifest.Tenant.ID {
		out = append(out, Difference{Table: "manifest", What: fmt.Sprintf("institution %s against %s", a.Manifest.Tenant.ID, b.Manifest.Tenant.ID)})
	}
	for _, name := range ordered {
		ta, inA := a.Dictionary.Find(name)
		_, inB := b.Dictionary.Find(name)
		if !inA || !inB {
			side := "second"
			if inA {
				side = "first"
			}
			out = append(out, Difference{Table: name, What: "is only in the " + side + " archive"})
			continue
		}
		found, err := compareTable(ctx, a, b, ta, limit-len(out))
		if err != nil {
			return out, err
		}
		if out = append(out, found...); len(out) >= limit {
			return out[:limit], nil
		}
	}
	return out, nil
}

type lineFeed struct {
	lines chan []byte
	end   chan error
	next  []byte
}

func feed(ctx context.Context, a *Archive, table string, stop <-chan struct{}) *lineFeed {
	f := &lineFeed{lines: make(chan []byte, 512), end: make(chan error, 1)}
	go func() {
		defer close(f.lines)
		f.end <- a.Lines(ctx, table, func(_ int64, record []byte) error {
			select {
			case f.lines <- bytes.Clone(record):
				return nil
			case <-stop:
				return errEnough
			}
		})
	}()
	f.next = <-f.lines
	return f
}

func compareTable(ctx context.Context, a, b *Archive, t Table, limit int) ([]Difference, error) {
	stop := make(chan struct{})
	fa, fb := feed(ctx, a, t.Name, stop), feed(ctx, b, t.Name, stop)
	var out []Difference
	for (fa.next != nil || fb.next != nil) && len(out) < limit {
		if bytes.Equal(fa.next, fb.next) {
			fa.next, fb.next = <-fa.lines, <-fb.lines
			continue
		}
		ka, kb := keyOf(t, fa.next), keyOf(t, fb.next)
		order := 0
		switch {
		case fa.next == nil:
			order = 1
		case fb.next == nil:
			order = -1
		default:
			for i := range ka {
				if order = compareValues(ka[i], kb[i]); order != 0 {
					break
				}
			}
		}
		switch {
		case order < 0:
			out = append(out, Difference{t.Name, keyText(ka), "is only in the first archive"})
			fa.next = <-fa.lines
		case order > 0:
			out = append(out, Difference{t.Name, keyText(kb), "is only in the second archive"})
			fb.next = <-fb.lines
		default:
			out = append(out, Difference{t.Name, keyText(ka), "differs in " + strings.Join(differing(fa.next, fb.next), ", ")})
			fa.next, fb.next = <-fa.lines, <-fb.lines
		}
	}
	close(stop)
	for _, f := range []*lineFeed{fa, fb} {
		if err := <-f.end; err != nil && !errors.Is(err, errEnough) {
			return out, err
		}
	}
	return out, nil
}

func keyOf(t Table, record []byte) [][]byte {
	out := make([][]byte, len(t.PrimaryKey))
	if record == nil {
		return out
	}
	_ = Members(record, func(name, value []byte) error {
		if i := slices.Index(t.PrimaryKey, string(name)); i >= 0 {
			out[i] = value
		}
		return nil
	})
	return out
}

func keyText(key [][]byte) string { return "(" + string(bytes.Join(key, []byte(", "))) + ")" }

func differing(a, b []byte) []string {
	values := map[string]string{}
	_ = Members(a, func(name, value []byte) error { values[string(name)] = string(value); return nil })
	var out []string
	_ = Members(b, func(name, value []byte) error {
		if before, ok := values[string(name)]; !ok || before != string(value) {
			out = append(out, string(name))
		}
		delete(values, string(name))
		return nil
	})
	for name := range values {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
