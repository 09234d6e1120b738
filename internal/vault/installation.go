package vault

import (
	"context"
	"encoding/binary"
	"fmt"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/vault/envelope"
)

// installationClass: a value that belongs to no institution carries its own key,
// wrapped by the master key.
const installationClass byte = 'W'

// Installation seals the secrets of the installation itself, such as the keys
// that sign access tokens.
type Installation struct {
	vault         *Vault
	table, column string
	legacy        func(row string, sealed []byte) ([]byte, error)
}

// Installation gives what seals one column; legacy opens values from before
// there was a vault.
func (v *Vault) Installation(table, column string, legacy func(row string, sealed []byte) ([]byte, error)) Installation {
	return Installation{v, table, column, legacy}
}

func (i Installation) place(row string) Place {
	return Place{Tenant: uuid.Nil, Table: i.table, Column: i.column, Row: row}
}

// Seal seals the value of one row.
func (i Installation) Seal(ctx context.Context, row string, plain []byte) ([]byte, error) {
	key := envelope.NewKey()
	defer clear(key)
	wrapped, by, err := i.vault.wrapper.Wrap(ctx, key, envelope.Associated(nil, i.place(row)))
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	sealed, err := envelope.Seal(key, installationClass, 1, i.place(row), plain)
	if err != nil {
		return nil, err
	}
	out := append([]byte(envelope.Mark), installationClass)
	for _, part := range [][]byte{[]byte(by), wrapped} {
		out = binary.BigEndian.AppendUint16(out, uint16(len(part)))
		out = append(out, part...)
	}
	return append(out, sealed...), nil
}

// wrappedBy splits a value into the id of the master key, the wrapped key and
// what is under that.
func wrappedBy(value []byte) (by string, wrapped, sealed []byte, ok bool) {
	if len(value) <= len(envelope.Mark) || string(value[:len(envelope.Mark)]) != envelope.Mark || value[len(envelope.Mark)] != installationClass {
		return "", nil, nil, false
	}
	rest := value[len(envelope.Mark)+1:]
	parts := make([][]byte, 2)
	for n := range parts {
		if len(rest) < 2 {
			return "", nil, nil, false
		}
		size := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+size {
			return "", nil, nil, false
		}
		parts[n], rest = rest[2:2+size], rest[2+size:]
	}
	return string(parts[0]), parts[1], rest, true
}

// Open opens the value of one row.
func (i Installation) Open(ctx context.Context, row string, value []byte) ([]byte, error) {
	by, wrapped, sealed, ok := wrappedBy(value)
	if !ok {
		if i.legacy == nil {
			return nil, ErrOpen
		}
		return i.legacy(row, value)
	}
	about := envelope.Associated(nil, i.place(row))
	key := i.vault.cache.Get(about, wrapped)
	if key == nil {
		var err error
		if key, err = i.vault.wrapper.Unwrap(ctx, by, wrapped, about); err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
		i.vault.cache.Put(about, wrapped, key)
	}
	defer clear(key)
	return envelope.Open(key, i.place(row), sealed)
}

// Present tells whether a value is wrapped by the present master key.
func (i Installation) Present(value []byte, current string) bool {
	by, _, _, ok := wrappedBy(value)
	return ok && sameKey(by, current)
}
