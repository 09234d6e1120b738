package parvistest

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// Whoever changes tables beside a program at work may lose a deadlock. The other
// one goes on, and the change is made after it.
func TestAChangeThatLosesADeadlockIsMadeAfterwards(t *testing.T) {
	t.Parallel()
	ctx := limited(t)
	db := Database(t)
	connect := func() *pgx.Conn {
		conn, err := pgx.Connect(ctx, db.OwnerURL)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(ctx) })
		return conn
	}
	working, changing := connect(), connect()
	// It is always the changing one that notices, and loses.
	_, err := working.Exec(ctx, "set deadlock_timeout = '1min'")
	require.NoError(t, err)
	_, err = changing.Exec(ctx, "set deadlock_timeout = '10ms'; create table lost (n int); create sequence tries")
	require.NoError(t, err)

	tx, err := working.Begin(ctx)
	require.NoError(t, err)
	_, err = tx.Exec(ctx, "lock table crm.contacts")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() {
		// A process looks for a deadlock once, some time after it began to wait: it
		// notices who waits last.
		ended <- ExecAsOwner(ctx, changing, `DO $$ BEGIN
			LOCK TABLE crm.tags;
			IF nextval('tries') = 1 THEN
				WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'crm.tags'::regclass AND NOT granted) LOOP PERFORM pg_sleep(0.001); END LOOP;
			END IF;
			LOCK TABLE crm.contacts; INSERT INTO lost VALUES (1); END $$`)
	}()
	_, err = tx.Exec(ctx, `DO $$ BEGIN
		WHILE NOT EXISTS (SELECT FROM pg_locks WHERE relation = 'crm.tags'::regclass AND mode = 'AccessExclusiveLock' AND granted) LOOP PERFORM pg_sleep(0.001); END LOOP;
		LOCK TABLE crm.tags; END $$`)
	require.NoError(t, err)
	require.NoError(t, tx.Commit(ctx))
	require.NoError(t, <-ended)
	var made, tries int
	require.NoError(t, working.QueryRow(ctx, "select (select count(*) from lost), (select last_value from tries)").Scan(&made, &tries))
	require.Equal(t, 1, made)
	require.Greater(t, tries, 1, "no deadlock was made")
}
