package forms

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/consents"
	"github.com/parvis-crm/parvis/internal/contacts"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/forms/internal/formsdb"
	"github.com/parvis-crm/parvis/internal/forms/maildomain"
	"github.com/parvis-crm/parvis/internal/forms/proofofwork"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/web"
)

const (
	// perAddress is how many submissions an hour may name one e-mail address;
	// further ones are answered as ever and dropped, so that nobody's mailbox
	// can be flooded from here.
	perAddress = 3
	// withoutWork is how many submissions an hour one sender may make without a
	// proof of work.
	withoutWork = 5
)

// Sent is what a visitor sent.
type Sent struct {
	Data       map[string]any
	IssueToken string
	Work       string
	Language   string
	// Scriptless: posted by a page without scripts, which can prove no work.
	Scriptless bool
}

// admitted is a submission that has passed the layers.
type admitted struct {
	published
	form       uuid.UUID
	version    int64
	definition Definition
	data       map[string]any
	language   string
	email      string // normalized; empty where the form asks for none
	work       *proofofwork.Result
	scriptless bool
}

// Submit takes a submission through its layers and stores it. It returns the
// message for the visitor, which depends on the form alone.
func (s *Service) Submit(ctx context.Context, id uuid.UUID, in Sent) (string, error) {
	p, err := s.resolve(ctx, id)
	if err != nil {
		return "", err
	}
	a, trapped, err := s.admit(ctx, p, id, in)
	if err != nil {
		return "", err
	}
	if !trapped {
		if err := s.store(a.actor(ctx, id), a); err != nil {
			return "", err
		}
	}
	return a.receipt(), nil
}

// admit asks each layer in turn. trapped means that the honeypot was filled:
// the sender is to believe that all went well.
func (s *Service) admit(ctx context.Context, p published, id uuid.UUID, in Sent) (a admitted, trapped bool, err error) {
	v := visitor(ctx)
	a = admitted{published: p, form: id, version: p.version, data: in.Data, scriptless: in.Scriptless}
	// Pages without scripts may lose their origin to a referrer policy.
	if !slices.Contains(p.origins, v.Origin) && (!in.Scriptless || (v.Origin != "" && v.Origin != "null")) {
		return a, false, fault.New(fault.Forbidden, "origin-not-allowed").AtHeader("Origin", "no-match")
	}
	issued := time.Time{}
	if in.IssueToken != "" || !in.Scriptless {
		version, at, ok := s.readIssueToken(id, in.IssueToken)
		if age := s.clock.Now().Sub(at); !ok || age > tokenLife || age < -time.Minute {
			return a, false, fault.New(fault.Refused, "form-expired").At("#/issue_token", "no-match")
		}
		a.version, issued = version, at
	}
	if a.definition, err = s.definition(ctx, p, id, a.version); err != nil {
		return a, false, err
	}
	a.language = a.definition.language(in.Language, v.AcceptLanguage)
	bait, sent := a.data[s.honeypot(id)]
	delete(a.data, s.honeypot(id))
	if err := a.definition.Schema.Validate(a.data); err != nil {
		return a, false, err
	}
	if sent && bait != "" && bait != nil {
		return a, true, nil
	}
	if passed := s.clock.Now().Sub(issued); !issued.IsZero() && passed < s.config.MinimumFill {
		f := fault.New(fault.Refused, "form-too-fast")
		f.RetryAfter = max(s.config.MinimumFill-passed, time.Second)
		return a, false, f
	}
	if in.Work != "" || !in.Scriptless {
		result, err := s.work.Verify(in.Work, id.String(), s.clock.Now())
		if err != nil {
			return a, false, fault.New(fault.Refused, "work-not-accepted").At("#/work", "no-match").Because(err)
		}
		a.work = &result
	}
	if err := s.checkPerson(a.definition, a.data); err != nil {
		return a, false, err
	}
	if err := a.checkAddress(); err != nil {
		return a, false, err
	}
	return a, false, s.checkDomain(ctx, &a)
}

// checkAddress is the layer of the e-mail address's syntax.
func (a *admitted) checkAddress() error {
	field := a.definition.mapping().Email
	text := a.text(field)
	if text == "" {
		if a.scriptless && a.work == nil {
			return fault.New(fault.Refused, "work-not-accepted").At("#/work", "required")
		}
		return nil
	}
	normalized, err := contacts.NormalizeEmail(text)
	if err != nil {
		return fault.New(fault.Malformed, "invalid-request").At("#/data/"+*field, "format", "want", "email")
	}
	a.email = normalized
	return nil
}

// checkDomain is the layer of the address's domain. It looks at no register but
// the public one, so it tells nothing about anybody.
func (s *Service) checkDomain(ctx context.Context, a *admitted) error {
	if !s.config.MailCheck || a.email == "" {
		return nil
	}
	verdict := s.domains.Check(ctx, a.email[strings.LastIndexByte(a.email, '@')+1:], a.test)
	s.looked(string(verdict))
	if verdict == maildomain.Refuses {
		return fault.Invalid().At("#/data/"+*a.definition.mapping().Email, "no-mail-domain")
	}
	return nil
}

func (a *admitted) text(field *string) string {
	if field == nil {
		return ""
	}
	text, _ := a.data[*field].(string)
	return text
}

// receipt is the same for everybody who sends this form in this language.
func (a *admitted) receipt() string {
	d := a.definition
	if text := d.Received.in(a.language, d.DefaultLanguage); text != "" {
		return text
	}
	return textsFor(a.language).received
}

// store keeps the submission, its event and the mail that asks for the
// confirmation: all or nothing. Nothing here looks at the register.
func (s *Service) store(ctx context.Context, a admitted) error {
	return pg.InTx(ctx, s.db, a.tenant, func(ctx context.Context, tx pgx.Tx) error {
		now := s.clock.Now()
		if a.work != nil {
			fresh, err := s.q.InsertNonce(ctx, tx, a.tenant, a.work.Nonce, a.work.ExpiresAt)
			if err != nil {
				return err
			}
			if fresh == 0 {
				return fault.New(fault.Refused, "work-not-accepted").At("#/work", "not-unique")
			}
		}
		row, link, err := s.row(ctx, tx, a, now)
		if err != nil {
			return err
		}
		if flooded, err := s.flooded(ctx, tx, a, row, now); err != nil || flooded {
			return err
		}
		sub, err := s.q.InsertSubmission(ctx, tx, row)
		if err != nil {
			return err
		}
		if err := recordSubmission(ctx, tx, "form_submission.received", sub); err != nil {
			return err
		}
		if link == "" {
			return nil
		}
		facts, err := s.q.TenantFacts(ctx, tx, a.tenant)
		if err != nil {
			return err
		}
		_, err = s.mail.SendTx(ctx, tx, confirmationMail(a, facts.Name, s.config.PublicURL+"/v1/public/confirmations/"+link))
		return err
	})
}

// flooded counts: by sender where no work was proven, which is told, and by
// address, which is not.
func (s *Service) flooded(ctx context.Context, tx pgx.Tx, a admitted, row formsdb.InsertSubmissionParams, now time.Time) (bool, error) {
	if a.work == nil {
		n, err := s.q.CountBySender(ctx, tx, a.tenant, row.SenderHash, now.Add(-time.Hour))
		if err != nil {
			return false, err
		}
		if n >= withoutWork {
			f := fault.New(fault.TooMany, "quota-exceeded").With("policy", "public-form").With("seconds", 3600).Extra("violated-policies", []string{"public-form"})
			f.RetryAfter = time.Hour
			return false, f
		}
	}
	if row.EmailHash == nil {
		return false, nil
	}
	if err := s.q.LockText(ctx, tx, hex.EncodeToString(row.EmailHash)); err != nil {
		return false, err
	}
	n, err := s.q.CountByEmail(ctx, tx, a.tenant, row.EmailHash, now.Add(-time.Hour))
	return n >= perAddress, err
}

func (s *Service) row(ctx context.Context, tx pgx.Tx, a admitted, now time.Time) (formsdb.InsertSubmissionParams, string, error) {
	v := visitor(ctx)
	data, err := json.Marshal(a.data)
	if err != nil {
		return formsdb.InsertSubmissionParams{}, "", err
	}
	row := formsdb.InsertSubmissionParams{
		TenantID: a.tenant, ID: ids.New(), FormID: a.form, FormVersion: a.version, Language: a.language, Origin: clip(v.Origin, 400),
		Network: consents.TruncateIP(v.Address.String()), UserAgent: consents.AgentFamily(v.UserAgent), ReceivedAt: now,
	}
	if a.work == nil { // it counts these alone
		row.SenderHash = s.mac("sender", a.tenant.String(), web.AddressBlock(v.Address).String())
	}
	if row.DataSealed, err = s.data.Seal(ctx, tx, a.tenant, row.ID.String(), data); err != nil {
		return row, "", err
	}
	if a.email == "" {
		return row, "", nil
	}
	row.EmailHash = s.mac("email", a.tenant.String(), a.email)
	if !a.definition.confirmed() && a.work != nil {
		return row, "", nil
	}
	link, hash := newLink()
	expires := now.Add(linkLife)
	row.TokenHash, row.TokenExpiresAt = hash, &expires
	return row, link, nil
}

func recordSubmission(ctx context.Context, tx pgx.Tx, kind string, sub Submission) error {
	facts := map[string]any{"form_id": sub.FormID.String(), "form_version": sub.FormVersion, "status": sub.Status}
	if sub.ContactID != nil {
		facts["contact_id"] = sub.ContactID.String()
	}
	return events.RecordTx(ctx, tx, events.Entry{
		Type: kind, Source: "form:" + sub.FormID.String(), Facts: facts,
		Subject: events.Subject{Kind: "form_submission", ID: sub.ID, Version: sub.Version},
	})
}
