package mail

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	gomail "github.com/wneessen/go-mail"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/mail/internal/maildb"
)

const (
	pollEvery    = 500 * time.Millisecond
	lease        = 2 * time.Minute
	batch        = 20
	maxAttempts  = 12
	keepBodies   = 30 * 24 * time.Hour
	forgetEvery  = time.Hour
	closeIdle    = 10 * time.Second
	retryAtLeast = 30 * time.Second
	retryAtMost  = 4 * time.Hour
)

// Runner sends what is queued. Any number of processes may run one: a mail is
// claimed under a lease.
type Runner struct {
	service *Service
	sender  *sender
	log     *slog.Logger
	forgot  time.Time
	used    time.Time
}

// NewRunner makes the runner. smtpURL is smtp://user:password@host:port (with
// STARTTLS where the server offers it) or smtps:// (TLS from the start); empty
// leaves all mail queued.
func NewRunner(s *Service, log *slog.Logger, smtpURL, from string) (*Runner, error) {
	r := &Runner{service: s, log: log}
	if smtpURL == "" {
		return r, nil
	}
	var err error
	r.sender, err = newSender(smtpURL, from)
	return r, err
}

// Run works until ctx ends.
func (r *Runner) Run(ctx context.Context) error {
	defer r.hangUp()
	for {
		worked, err := r.once(ctx)
		if err != nil && ctx.Err() == nil {
			r.log.WarnContext(ctx, "mail will be tried again", "error", err)
		}
		if worked && err == nil {
			continue
		}
		if r.sender != nil && time.Since(r.used) > closeIdle {
			r.hangUp()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pollEvery):
		}
	}
}

func (r *Runner) hangUp() {
	if r.sender != nil {
		r.sender.close()
	}
}

func (r *Runner) once(ctx context.Context) (bool, error) {
	if time.Since(r.forgot) > forgetEvery {
		if err := r.forget(ctx); err != nil {
			return false, err
		}
		r.forgot = clock.Mark()
	}
	if r.sender == nil {
		return false, nil
	}
	tenants, err := r.tenants(ctx, "select tenants_with_due_mails()")
	if err != nil {
		return false, err
	}
	for _, tenant := range tenants {
		if err := r.send(ctx, tenant); err != nil {
			return false, err
		}
	}
	return len(tenants) > 0, nil
}

func (r *Runner) tenants(ctx context.Context, sql string) ([]uuid.UUID, error) {
	rows, err := r.service.db.Unscoped().Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
}

func (r *Runner) forget(ctx context.Context) error {
	tenants, err := r.tenants(ctx, "select active_tenants()")
	if err != nil {
		return err
	}
	for _, tenant := range tenants {
		if err := r.service.q.ForgetBodies(ctx, r.service.db.Tenant(tenant), tenant, r.service.clock.Now().Add(-keepBodies)); err != nil {
			return err
		}
	}
	return nil
}

func (r *Runner) send(ctx context.Context, tenant uuid.UUID) error {
	q, db := r.service.q, r.service.db.Tenant(tenant)
	mails, err := q.ClaimMails(ctx, db, lease.Seconds(), tenant, batch)
	if err != nil {
		return err
	}
	for _, m := range mails {
		if err := ctx.Err(); err != nil {
			return err // the lease ends and another process goes on
		}
		r.used = clock.Mark()
		sendErr := r.service.openBody(ctx, &m)
		if sendErr == nil {
			sendErr = r.sender.send(ctx, m)
		}
		// What the server has taken is noted even while the program stops.
		note := context.WithoutCancel(ctx)
		if sendErr == nil {
			err = q.MailSent(note, db, tenant, m.ID)
		} else {
			r.log.WarnContext(ctx, "mail not sent", "mail", m.ID, "attempt", m.Attempts, "error", sendErr)
			err = q.MailFailed(note, db, failure(tenant, m, sendErr))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func failure(tenant uuid.UUID, m maildb.Mail, err error) maildb.MailFailedParams {
	p := maildb.MailFailedParams{TenantID: tenant, ID: m.ID, Status: "queued", LastError: err.Error(), DelaySeconds: delay(int(m.Attempts)).Seconds()}
	if int(m.Attempts) >= maxAttempts || permanent(err) {
		p.Status = "failed"
	}
	return p
}

// delay doubles from half a minute to four hours, spread by a fifth so that a
// recovering server is not met by everybody at once.
func delay(attempt int) time.Duration {
	d := retryAtLeast << min(max(attempt-1, 0), 12)
	d = min(d, retryAtMost)
	return d + time.Duration(rand.Int64N(int64(d/5))) //nolint:gosec // spreads load; nobody gains by guessing it
}

// permanent: the server refused this very message for good (RFC 5321 §4.2.1).
func permanent(err error) bool {
	if errors.Is(err, errUnsendable) {
		return true
	}
	var refused *gomail.SendError
	return errors.As(err, &refused) && !refused.IsTemp() && refused.ErrorCode() >= 500
}
