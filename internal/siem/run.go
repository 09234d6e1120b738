package siem

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/siem/internal/siemdb"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// lease is for how long a process may send without saying that it still does.
	lease = 2 * time.Minute
	// atOnce is how many forwarders one process sends for at a time.
	atOnce = 16
	// turn bounds how long one forwarder keeps its place before another's turn.
	turn = 30 * time.Second
)

// sender brings a batch to a receiver; without an error it has all of it. ordered
// tells whether it said so in a way that nobody can feign.
type sender interface {
	send(ctx context.Context, tenant uuid.UUID, entries []audit.Entry) (ordered bool, err error)
}

// Run sends what is due until the context ends. Any number of processes may run
// it: a forwarder is one process's at a time.
func (s *Service) Run(ctx context.Context) error {
	var at sync.WaitGroup
	defer at.Wait()
	places := make(chan struct{}, atOnce)
	tick := time.NewTicker(s.o.Poll)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		rows, err := s.DB.Unscoped().Query(ctx, "select tenant, forwarder from siem_forwarders_due($1)", atOnce)
		type due struct{ tenant, forwarder uuid.UUID }
		var all []due
		if err == nil {
			all, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (d due, err error) { return d, row.Scan(&d.tenant, &d.forwarder) })
		}
		if err != nil {
			if ctx.Err() == nil {
				s.Log.WarnContext(ctx, "what is to be sent to receivers of the logs cannot be found; will try again", "error", err)
			}
			continue
		}
		for _, d := range all {
			select {
			case places <- struct{}{}:
			default:
				continue // the next time
			}
			f, err := s.q.ClaimForwarder(ctx, s.DB.Tenant(d.tenant), siemdb.ClaimForwarderParams{Worker: &s.worker, LeaseSeconds: lease.Seconds(), TenantID: d.tenant, ID: d.forwarder})
			if err != nil {
				<-places
				if !pg.IsNoRows(err) && ctx.Err() == nil {
					s.Log.WarnContext(ctx, "a forwarder could not be claimed; will try again", "error", err)
				}
				continue
			}
			at.Go(func() {
				defer func() { <-places }()
				if err := s.forward(ctx, f); err != nil && ctx.Err() == nil {
					s.Log.WarnContext(ctx, "a forwarder stops for a while; will try again", "tenant", f.TenantID, "forwarder", f.ID, "error", err)
				}
			})
		}
	}
}

// forward sends what there is for one forwarder, and says how it went.
func (s *Service) forward(ctx context.Context, f Forwarder) error {
	ctx = web.WithActor(ctx, web.SystemActor(f.TenantID, "siem-forwarder"))
	db := s.DB.Tenant(f.TenantID)
	place, ok := audit.ParsePlace(f.Place)
	if !ok {
		return errors.New("siem: the place of a forwarder cannot be read: " + f.Place)
	}
	to, err := s.sender(ctx, f)
	until := clock.Mark().Add(turn)
	for {
		entries, followErr := s.Audit.Follow(ctx, f.TenantID, place, s.o.Batch)
		if followErr != nil {
			return followErr // the lease runs out
		}
		if len(entries) == 0 {
			pause := s.o.Poll.Seconds()
			if err := s.q.ReleaseForwarder(ctx, db, siemdb.ReleaseForwarderParams{PauseSeconds: pause, TenantID: f.TenantID, ID: f.ID, Worker: &s.worker}); err != nil {
				return err
			}
			return s.recovered(ctx, f)
		}
		ordered := false
		if err == nil {
			ordered, err = to.send(ctx, f.TenantID, entries)
		}
		if err != nil {
			if ctx.Err() != nil {
				return ctx.Err() // the program ends; what was sent comes again
			}
			return errors.Join(err, s.failed(ctx, f, entries[0].At, err))
		}
		place = entries[len(entries)-1].Place
		var behind *time.Time
		if len(entries) == s.o.Batch {
			behind = &entries[len(entries)-1].At
		}
		// What the receiver has is kept, even while the program ends.
		moved, err := s.q.MoveForwarder(context.WithoutCancel(ctx), db, siemdb.MoveForwarderParams{
			Place: place.String(), Entries: int64(len(entries)), EndsInOrder: ordered, BehindSince: behind, LeaseSeconds: lease.Seconds(), TenantID: f.TenantID, ID: f.ID, Worker: &s.worker,
		})
		if err != nil || moved == 0 {
			return err // changed meanwhile, or another's: it goes on from what is kept
		}
		f.Failures = 0
		if clock.Mark().After(until) || ctx.Err() != nil {
			return s.q.ReleaseForwarder(context.WithoutCancel(ctx), db, siemdb.ReleaseForwarderParams{PauseSeconds: 0, TenantID: f.TenantID, ID: f.ID, Worker: &s.worker})
		}
	}
}

// sender makes what sends for a forwarder.
func (s *Service) sender(ctx context.Context, f Forwarder) (sender, error) {
	kept, err := s.secretOf(ctx, s.DB.Tenant(f.TenantID), f)
	if err != nil {
		return nil, err
	}
	var roots *x509.CertPool
	if f.CaCertificates != nil {
		roots = x509.NewCertPool()
		if !roots.AppendCertsFromPEM([]byte(*f.CaCertificates)) {
			return nil, errConfiguration
		}
	}
	var certificates []tls.Certificate
	if f.ClientCertificate != nil {
		pair, err := tls.X509KeyPair([]byte(*f.ClientCertificate), []byte(kept.ClientKey))
		if err != nil {
			return nil, errConfiguration
		}
		certificates = []tls.Certificate{pair}
	}
	to, err := asHTTPS(f.URL)
	if err != nil {
		return nil, err
	}
	client := egress.New(s.egress(roots, certificates))
	if strings.HasPrefix(f.URL, syslogScheme) {
		return &syslog{client: client, to: to, config: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots, Certificates: certificates}, host: s.Host, strict: endsInOrder(f)}, nil
	}
	return overHTTPS{client: client, to: to, token: kept.Token, forwarder: f.ID}, nil
}

// endsInOrder reports whether a receiver that ends without close_notify is taken
// to be cut off: one that has sent it before, and one that has taken nothing yet,
// until it has ended so twice.
func endsInOrder(f Forwarder) bool {
	endedSo := f.LastError != nil && *f.LastError == unfinished
	return f.EndsInOrder || (f.Delivered == 0 && !endedSo)
}

// unfinished is the word for a batch that was not taken to its end.
const unfinished = "unfinished"

var errConfiguration = errors.New("siem: the certificates of a forwarder cannot be used")

// failed keeps why an attempt failed, and tells once when the receiver is far
// behind. The pause grows with each failure.
func (s *Service) failed(ctx context.Context, f Forwarder, waiting time.Time, cause error) error {
	pause := min(s.o.FirstPause<<min(f.Failures, 20), s.o.LongestPause)
	pause = pause/2 + rand.N(pause/2+1) //nolint:gosec // many forwarders do not come back at one instant; nobody gains by guessing it
	reason := described(cause)
	err := s.q.FailForwarder(ctx, s.DB.Tenant(f.TenantID), siemdb.FailForwarderParams{
		PauseSeconds: pause.Seconds(), BehindSince: &waiting, LastError: &reason, TenantID: f.TenantID, ID: f.ID, Worker: &s.worker,
	})
	if err != nil || f.LagToldAt != nil || time.Since(waiting) < s.o.LagAfter {
		return err
	}
	return pg.InTx(ctx, s.DB, f.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		n, err := s.q.TellLag(ctx, tx, f.TenantID, f.ID)
		if err != nil || n == 0 {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "siem_forwarder.lagging", Subject: events.Subject{Kind: "siem_forwarder", ID: f.ID, Version: f.Version},
			Facts: map[string]any{"oldest_undelivered_at": waiting.UTC().Format(time.RFC3339), "last_error": reason},
		})
	})
}

func (s *Service) recovered(ctx context.Context, f Forwarder) error {
	if f.LagToldAt == nil {
		return nil
	}
	return pg.InTx(ctx, s.DB, f.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		n, err := s.q.TellRecovered(ctx, tx, f.TenantID, f.ID)
		if err != nil || n == 0 {
			return err
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: "siem_forwarder.recovered", Subject: events.Subject{Kind: "siem_forwarder", ID: f.ID, Version: f.Version},
			Facts: map[string]any{"lagged_since": f.LagToldAt.UTC().Format(time.RFC3339)},
		})
	})
}

// described is a cause in a word, which tells nothing of the server's network.
func described(err error) string {
	var status statusError
	var refused *egress.Error
	var verification *tls.CertificateVerificationError
	var network net.Error
	switch {
	case errors.As(err, &status):
		return "status-" + strconv.Itoa(int(status))
	case errors.As(err, &refused):
		return "forbidden-address"
	case errors.As(err, &verification):
		return "certificate"
	case errors.Is(err, errConfiguration):
		return "configuration"
	case errors.As(err, &network) && network.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	case errors.Is(err, errUnfinished):
		return unfinished
	}
	return "connection"
}

// Figures are how the forwarders of all institutions fare.
func (s *Service) Figures(ctx context.Context) (active, failing int64, lag time.Duration, err error) {
	var seconds float64
	err = s.DB.Unscoped().QueryRow(ctx, "select active, failing, lag_seconds from siem_figures()").Scan(&active, &failing, &seconds)
	return active, failing, time.Duration(seconds * float64(time.Second)), err
}
