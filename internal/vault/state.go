package vault

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

// Version is what may be known of one version of an institution's key.
type Version struct {
	Number    int32
	WrappedBy string
	CreatedAt time.Time
	RetiredAt *time.Time
}

// Sealed names a column that is under the keys of institutions or of persons.
type Sealed struct {
	Table, Column string
	Person        bool
}

// State is what may be known of an institution's keys.
type State struct {
	Versions  []Version
	Persons   int64
	Destroyed int64
	Columns   []Sealed
	Rotation  *uuid.UUID
}

// RegisterPersonal makes columns known that are under the keys of persons, when
// the program is wired. They are not touched by a rotation: only those keys are.
func (v *Vault) RegisterPersonal(table string, columns ...string) {
	for _, column := range columns {
		v.personal = append(v.personal, Sealed{Table: table, Column: column, Person: true})
	}
}

// State tells what may be known of the keys of the actor's institution.
func (v *Vault) State(ctx context.Context) (State, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return State{}, err
	}
	db := v.db.Tenant(actor.Tenant)
	rows, err := v.list(ctx, db, actor.Tenant, true)
	if err != nil {
		return State{}, err
	}
	s := State{Columns: slices.Clone(v.personal)}
	for _, row := range rows {
		s.Versions = append(s.Versions, Version{row.Version, row.WrappedBy, row.CreatedAt, row.RetiredAt})
	}
	for _, c := range v.columns {
		s.Columns = append(s.Columns, Sealed{Table: c.Table, Column: c.Column})
	}
	slices.SortFunc(s.Columns, func(a, b Sealed) int {
		return slices.Compare([]string{a.Table, a.Column}, []string{b.Table, b.Column})
	})
	n, err := v.q.CountKeys(ctx, db, actor.Tenant)
	if err != nil {
		return State{}, err
	}
	s.Persons, s.Destroyed = n.Persons, n.Destroyed
	under, err := v.q.RotationUnderWay(ctx, db, actor.Tenant)
	if err == nil {
		s.Rotation = &under
	} else if !pg.IsNoRows(err) {
		return State{}, err
	}
	return s, nil
}
