package events_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// Many events of one transaction are written by one statement, few by one each;
// nobody can tell which.
func TestManyEventsAreRecordedLikeFew(t *testing.T) {
	t.Parallel()
	a := parvistest.New(t)
	pointers := []string{`/a"b\c`, "/plain", "/{x,y}", "/é"}
	var together []events.Entry
	for i := range 12 {
		e := entry("thing.happened", "thing")
		e.Facts = map[string]any{"n": i}
		e.Changes = nil
		for _, p := range pointers[:i%5] {
			e.Changes = append(e.Changes, events.Change{Pointer: p, Before: `x"\`, After: i})
		}
		together = append(together, e)
	}
	record(a, together...)
	for _, e := range together {
		record(a, e)
	}
	page := feed(t, a.Client, 25)[1:]
	for i := range 12 {
		many, one := page[i]["data"].(map[string]any), page[12+i]["data"].(map[string]any)
		require.Equal(t, fmt.Sprint(i), fmt.Sprint(many["facts"].(map[string]any)["n"]), "in the order of the call")
		for _, member := range []string{"object", "id", "version", "changed", "facts"} {
			require.Equal(t, one[member], many[member], member)
		}
		require.Len(t, many["changed"], i%5)
	}
	conn, err := pgx.Connect(t.Context(), a.DB.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, conn.Close(context.Background())) })
	var differ int
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from (select e.subject_id, count(distinct coalesce(c.changes::text, '')) + count(distinct coalesce(e.changes_digest, '')) as n
		from crm.events e left join crm.event_changes c on c.tenant_id = e.tenant_id and c.event_id = e.id where e.type = 'thing.happened' group by 1) s where n <> 2`).Scan(&differ))
	require.Zero(t, differ, "the same changes and digest either way")
	var broken int
	require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from crm.events e join crm.event_changes c on c.tenant_id = e.tenant_id and c.event_id = e.id
		where e.changes_digest is null`).Scan(&broken))
	require.Zero(t, broken)
}
