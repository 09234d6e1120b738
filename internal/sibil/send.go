package sibil

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/operations"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/sibil/internal/sibildb"
)

// result is what the operation of a submission comes to.
type result struct {
	parameters
	Accepted  int `json:"accepted"`
	Unchanged int `json:"unchanged"`
	Duplicate int `json:"duplicate"`
	Rejected  int `json:"rejected"`
}

// send is the work of a submission. Taken up again after its process ended, it
// goes on with what has no answer yet; what was sent and whose answer was lost is
// sent again under the same key, which changes nothing.
func (s *Service) send(ctx context.Context, run *operations.Run) (any, error) {
	var p parameters
	if err := run.Parameters(&p); err != nil {
		return nil, err
	}
	db := s.DB.Tenant(run.Tenant())
	submission, err := s.q.GetSubmission(ctx, db, run.Tenant(), p.Submission)
	if err != nil {
		return nil, err
	}
	items, err := s.q.ListItems(ctx, db, run.Tenant(), p.Submission)
	if err != nil {
		return nil, err
	}
	total, done := int64(len(items)), int64(0)
	for _, item := range items {
		if item.Status != "pending" {
			done++
		}
	}
	if err := run.Progress(ctx, done, &total); err != nil {
		return nil, err
	}
	var c *client
	for i, item := range items {
		if item.Status != "pending" {
			continue
		}
		if c == nil {
			if c, err = s.client(ctx, run, submission.BaseURL); err != nil {
				return nil, err
			}
			if err := c.login(ctx); err != nil {
				return nil, said(err)
			}
		}
		if err := c.mayGo(ctx); err != nil {
			return nil, err
		}
		if err := s.sendOne(ctx, c, &items[i]); err != nil {
			return nil, said(err)
		}
		if err := s.keep(ctx, submission, items[i]); err != nil {
			return nil, err
		}
		done++
		if err := run.Progress(ctx, done, nil); err != nil {
			return nil, err
		}
	}
	return s.finish(ctx, run, p, items)
}

// client makes the client of a run, which is for one address.
func (s *Service) client(ctx context.Context, run *operations.Run, base string) (*client, error) {
	settings, err := s.usable(ctx, run.Tenant(), base)
	if err != nil {
		return nil, err
	}
	password, err := s.Passwords.Open(ctx, s.DB.Tenant(run.Tenant()), run.Tenant(), run.Tenant().String(), settings.Password)
	if err != nil {
		return nil, err
	}
	mayGo := func(ctx context.Context) error {
		_, err := s.usable(ctx, run.Tenant(), base)
		return err
	}
	return &client{http: s.http, base: base, username: *settings.Username, password: string(password), pauses: s.pauses, mayGo: mayGo}, nil
}

// usable are the settings as they are now, unless nothing may go out under them:
// whoever switches sending off while a submission is under way means what has not
// gone out yet.
func (s *Service) usable(ctx context.Context, tenant uuid.UUID, base string) (Settings, error) {
	settings, err := s.settings(ctx, s.DB.Tenant(tenant), tenant)
	if err != nil {
		return Settings{}, err
	}
	if !settings.IsEnabled || settings.BaseURL == nil || settings.Username == nil || settings.Password == nil {
		return Settings{}, fault.New(fault.Conflict, "sibil-off")
	}
	if *settings.BaseURL != base {
		return Settings{}, fault.New(fault.Conflict, "sibil-moved")
	}
	return settings, nil
}

// sendOne sends one declaration and notes the answer.
func (s *Service) sendOne(ctx context.Context, c *client, item *Result) error {
	var statement Statement
	if err := json.Unmarshal(item.Statement, &statement); err != nil {
		return err
	}
	domain, known, err := c.domain(ctx, statement.Domain)
	if err != nil {
		return err
	}
	answer := outcome{Status: "rejected", Detail: shortened("domain_unknown: " + statement.Domain)}
	if known {
		if answer, err = c.declare(ctx, statement.body(domain), item.SibilID); err != nil {
			return err
		}
	}
	item.Status = answer.Status
	if answer.Status == "accepted" {
		item.Status = "created"
		if item.WasDeclared {
			item.Status = "updated"
		}
	}
	if answer.ID != nil {
		item.SibilID = answer.ID
	}
	if answer.Detail != "" {
		item.Detail = &answer.Detail
	}
	now := s.Clock.Now()
	item.AnsweredAt = &now
	return nil
}

// keep makes an answer durable before the next declaration goes out. What SIBIL
// has said is kept even where the run is told to stop meanwhile.
func (s *Service) keep(ctx context.Context, submission Submission, item Result) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepWithin)
	defer cancel()
	return pg.InTx(ctx, s.DB, item.TenantID, func(ctx context.Context, tx pgx.Tx) error {
		if err := s.q.AnswerItem(ctx, tx, sibildb.AnswerItemParams{
			TenantID: item.TenantID, SubmissionID: item.SubmissionID, PerformanceID: item.PerformanceID, Status: item.Status, SibilID: item.SibilID, Detail: item.Detail,
			AnsweredAt: item.AnsweredAt,
		}); err != nil {
			return err
		}
		if item.Status != "created" && item.Status != "updated" {
			return nil
		}
		return s.q.KeepDeclaration(ctx, tx, sibildb.KeepDeclarationParams{
			TenantID: item.TenantID, PerformanceID: item.PerformanceID, ExternalKey: item.ExternalKey, Digest: item.Digest, SibilID: item.SibilID,
			BaseURL: submission.BaseURL, Quarter: submission.Quarter, SubmissionID: item.SubmissionID, DeclaredAt: *item.AnsweredAt,
		})
	})
}

const keepWithin = 5 * time.Second

// finish says how a submission went, once.
func (s *Service) finish(ctx context.Context, run *operations.Run, p parameters, items []Result) (any, error) {
	out := result{parameters: p}
	for _, item := range items {
		switch item.Status {
		case "created", "updated":
			out.Accepted++
		case "unchanged":
			out.Unchanged++
		case "duplicate":
			out.Duplicate++
		default:
			out.Rejected++
		}
	}
	now := s.Clock.Now()
	return out, pg.InTx(ctx, s.DB, run.Tenant(), func(ctx context.Context, tx pgx.Tx) error {
		row, err := s.q.FinishSubmission(ctx, tx, &now, run.Tenant(), p.Submission)
		if pg.IsNoRows(err) {
			return nil // said before this process took it up
		}
		if err != nil {
			return err
		}
		kind := "statutory.sibil.submitted"
		if out.Duplicate+out.Rejected > 0 {
			kind = "statutory.sibil.rejected"
		}
		return events.RecordTx(ctx, tx, events.Entry{
			Type: kind, Subject: events.Subject{Kind: "sibil_submission", ID: row.ID, Version: row.Version},
			Facts: map[string]any{"quarter": row.Quarter, "accepted": out.Accepted, "unchanged": out.Unchanged, "duplicate": out.Duplicate, "rejected": out.Rejected},
		})
	})
}

// said turns the end of a conversation into what the operation tells.
func said(err error) error {
	switch {
	case errors.Is(err, errRefused):
		return fault.New(fault.Conflict, "sibil-credentials-refused").Because(err)
	case errors.Is(err, errUnreachable):
		return fault.New(fault.Unavailable, "sibil-unreachable").Because(err)
	case errors.Is(err, errUnexpected):
		return fault.New(fault.Unavailable, "sibil-unexpected").Because(err)
	}
	return err
}
