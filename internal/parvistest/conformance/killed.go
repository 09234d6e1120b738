package conformance

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/config"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

// What the process that is killed is told, by its environment.
const (
	processOwner = "PARVIS_TEST_READER_OWNER"
	processApp   = "PARVIS_TEST_READER_APP"
	processKey   = "PARVIS_TEST_READER_KEY"
)

// process is the program that reads, until it is killed.
func process(t *testing.T) {
	t.Helper()
	parvistest.NewOn(t, &parvistest.DB{OwnerURL: os.Getenv(processOwner), AppURL: os.Getenv(processApp)}, parvistest.WithMasterKey([]byte(os.Getenv(processKey))))
	<-t.Context().Done()
}

// survivesKills has the program killed while a page is on its way, and again
// while orders are written; the process after that reads what is left.
func survivesKills(t *testing.T, vendor Vendor) {
	t.Helper()
	db, master := parvistest.Database(t), strings.Repeat("k", 32)
	s := &suite{t: t, vendor: vendor, log: &journal{}}
	s.app = parvistest.NewOn(t, db, parvistest.WithMasterKey([]byte(master)), parvistest.WithConfig(func(c *config.Config) { c.Workers = false }))
	s.app.Post("/v1/ticketing/sources", M{"code": "caisse", "name": "Billetterie", "kind": vendor.Kind()}).Is(201)
	owner, err := pgx.Connect(t.Context(), db.OwnerURL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = owner.Close(context.WithoutCancel(t.Context())) })
	do := func(statement string) {
		_, err := owner.Exec(t.Context(), statement)
		require.NoError(t, err)
	}
	do("set app.sight = '*'")
	count := func(question string) (n int) {
		require.NoError(t, owner.QueryRow(t.Context(), question, s.app.Tenant).Scan(&n))
		return n
	}
	within := func(what string, condition func() bool) {
		for deadline := time.Now().Add(2 * time.Minute); !condition(); time.Sleep(5 * time.Millisecond) {
			require.True(t, time.Now().Before(deadline), what)
		}
	}
	start := func() (kill func()) {
		c := exec.CommandContext(context.WithoutCancel(t.Context()), os.Args[0], "-test.run=^TestConformance$", "-test.timeout=10m")
		c.Env = append(os.Environ(), processOwner+"="+db.OwnerURL, processApp+"="+db.AppURL, processKey+"="+master)
		require.NoError(t, c.Start())
		return sync.OnceFunc(func() {
			_ = c.Process.Kill()
			_ = c.Wait()
			// A process that says nothing any more keeps a source for a minute.
			do("update crm.connector_states set leased_until = now() where leased_until > now()")
		})
	}

	page := vendor.Page()
	n := 3*page + 2
	for i := range n {
		vendor.PutOrder(fmt.Sprintf("N%03d", i), "12.50", begin.Add(time.Duration(i)*time.Minute))
	}
	held, let := make(chan struct{}), make(chan struct{})
	vendor.AtList(1, func(http.ResponseWriter) bool {
		close(held)
		<-let
		return false
	})
	s.connect()
	kill := start()
	t.Cleanup(func() { kill() })
	select {
	case <-held:
	case <-time.After(2 * time.Minute):
		require.Fail(t, "the second page was not asked for")
	}
	kill()
	close(let)
	require.Len(t, s.nets(), page, "killed while the second page was on its way")

	// The next one stands still while it writes an order in the middle of a page.
	do(fmt.Sprintf(`create sequence crm.written; create function crm.stop_at() returns trigger language plpgsql security definer set search_path = crm as $$
		begin if new.kind = 'order' and nextval('crm.written') = %d then perform pg_advisory_xact_lock(500); end if; return new; end $$;
		create trigger stop before insert on crm.ticketing_records for each row execute function crm.stop_at(); select pg_advisory_lock(500)`, page+page/2))
	kill = start()
	within("it stands still", func() bool {
		return count("select count(*) from pg_locks where locktype = 'advisory' and not granted and objid = 500 and $1::uuid is not null") > 0
	})
	kill()
	// Its connection would wait on, with the table: PostgreSQL does not look whether
	// anybody is there.
	within("its connection ends", func() bool {
		return count("select count(pg_terminate_backend(pid)) from pg_locks where locktype = 'advisory' and not granted and objid = 500 and $1::uuid is not null") == 0
	})
	do("drop trigger stop on crm.ticketing_records; select pg_advisory_unlock(500)")
	here := len(s.nets())
	require.GreaterOrEqual(t, here, page)
	require.Less(t, here, n, "killed while it wrote")

	kill = start()
	within("all orders are here", func() bool { return len(s.nets()) == n })
	within("the reading ends", func() bool { return s.state()["last_success_at"] != nil && s.state()["status"] == "idle" })
	for number, net := range s.nets() {
		require.Equal(t, "12.50", net, number)
	}
	events := s.events()
	require.Equal(t, []int{n, 0}, []int{events["ticketing.order.created"], events["ticketing.order.updated"]}, "each is told of once")
	require.Equal(t, count("select count(*) from crm.contacts where tenant_id = $1"), events["contact.created"])
	each := len(s.app.Get("/v1/ticketing/orders/" + s.app.Walk("/v1/ticketing/orders")[0]["id"].(string)).Is(200).JSON()["movements"].([]any))
	require.Equal(t, n*each, count("select count(*) from crm.ticketing_movements where tenant_id = $1"), "no money twice")

	// The mark is where it should be: what changes is found from it.
	vendor.PutOrder("N000", "15.00", time.Now().UTC())
	s.pull()
	within("the change", func() bool { return s.nets()["N000"] == "15.00" })
	require.Equal(t, 1, s.events()["ticketing.order.updated"])
	kill()
}
