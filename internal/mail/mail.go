package mail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/mail/internal/maildb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// Message is one mail to one person.
type Message struct {
	// To is a bare address, without a name.
	To      string
	Subject string
	// Text is required; HTML is its alternative.
	Text string
	HTML string
	// Headers are further headers.
	Headers map[string]string
	// Unsubscribe is the address whose POST ends the mails of this kind; every
	// mail that is sent for a purpose has one (RFC 8058).
	Unsubscribe string
	// Secret: body or headers carry a link that is a secret, and are removed once sent.
	Secret bool
}

// ErrUnsafe is returned for a message whose headers could be taken for others.
var ErrUnsafe = errors.New("mail: unsafe header")

const (
	maxSubject = 400
	maxHeader  = 1000
	maxBody    = 200_000
)

// Service queues mails and shows a sandbox's.
type Service struct {
	db     *pg.DB
	q      *maildb.Queries
	clock  clock.Clock
	domain string
	bodies vault.Sealer
}

// NewService makes the service. from is the sender of all mails, whose domain
// the Message-IDs are under; bodies seals what Bodies describes.
func NewService(db *pg.DB, c clock.Clock, from string, bodies vault.Sealer) *Service {
	domain := "localhost"
	if a, err := netmail.ParseAddress(from); err == nil {
		domain = a.Address[strings.LastIndexByte(a.Address, '@')+1:]
	}
	return &Service{db: db, q: maildb.New(), clock: c, domain: domain, bodies: bodies}
}

// SendTx queues a mail as part of tx and returns its id: it goes out if and only
// if tx commits.
func (s *Service) SendTx(ctx context.Context, tx pgx.Tx, m Message) (uuid.UUID, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	if err := m.check(); err != nil {
		return uuid.Nil, err
	}
	mode, err := s.q.TenantMode(ctx, tx, actor.Tenant)
	if err != nil {
		return uuid.Nil, err
	}
	if m.Unsubscribe != "" {
		m.Headers = with(m.Headers, UnsubscribeHeaders(m.Unsubscribe))
	}
	p := maildb.InsertMailParams{
		TenantID: actor.Tenant, ID: ids.New(), Recipient: m.To, Subject: m.Subject, Headers: []byte("{}"),
		Secret: m.Secret, Status: "queued", CreatedAt: s.clock.Now(),
	}
	// The id of a mail tells its time, which the mail does anyway.
	p.MessageID = p.ID.String() + "@" + s.domain
	if p.BodySealed, err = s.sealBody(ctx, tx, p.TenantID, p.ID, m); err != nil {
		return uuid.Nil, err
	}
	if mode == "test" {
		p.Status = "captured"
	}
	return p.ID, s.q.InsertMail(ctx, tx, p)
}

// UnsubscribeHeaders are those by which the reader's program offers to end the
// mails with one click: the address takes the POST that the second announces
// (RFC 2369 §3.2, RFC 8058 §2). DKIM has to sign both.
func UnsubscribeHeaders(address string) map[string]string {
	return map[string]string{"List-Unsubscribe": "<" + address + ">", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
}

func with(headers, more map[string]string) map[string]string {
	out := maps.Clone(more)
	maps.Copy(out, headers)
	return out
}

var headerName = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9-]{0,60}$`)

// reserved headers are ours to set.
var reserved = map[string]bool{
	"to": true, "cc": true, "bcc": true, "from": true, "sender": true, "subject": true, "date": true, "message-id": true,
	"mime-version": true, "content-type": true, "content-transfer-encoding": true,
}

// check makes sure that nothing in a header can end it (RFC 5322 §2.2).
func (m Message) check() error {
	a, err := netmail.ParseAddress(m.To)
	if err != nil || a.Address != m.To || a.Name != "" || len(m.To) > 320 || controls(m.To) {
		return fmt.Errorf("%w: recipient", ErrUnsafe)
	}
	if m.Subject == "" || len([]rune(m.Subject)) > maxSubject || controls(m.Subject) {
		return fmt.Errorf("%w: subject", ErrUnsafe)
	}
	if m.Text == "" || len(m.Text) > maxBody || len(m.HTML) > maxBody {
		return errors.New("mail: a message has a text of reasonable length")
	}
	if u, err := url.Parse(m.Unsubscribe); err != nil || (m.Unsubscribe != "" && u.Host == "") || strings.ContainsAny(m.Unsubscribe, "<> ") || controls(m.Unsubscribe) {
		return fmt.Errorf("%w: List-Unsubscribe", ErrUnsafe)
	}
	for name, value := range m.Headers {
		if !headerName.MatchString(name) || reserved[strings.ToLower(name)] || len(value) > maxHeader || controls(value) {
			return fmt.Errorf("%w: %q", ErrUnsafe, name)
		}
	}
	return nil
}

func controls(s string) bool { return strings.IndexFunc(s, unicode.IsControl) >= 0 }

// Mail is a mail as it is kept.
type Mail = maildb.Mail

// Position is where a walk through the outbox stands.
type Position struct {
	At time.Time `json:"a"`
	ID uuid.UUID `json:"i"`
}

// Outbox returns at most limit captured mails of a sandbox, newest first. A
// live institution has none.
func (s *Service) Outbox(ctx context.Context, to *string, after *Position, limit int) ([]Mail, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	if !actor.Test {
		return nil, nil
	}
	p := maildb.ListMailsParams{TenantID: actor.Tenant, Recipient: to, PageSize: int32(limit)}
	if after != nil {
		p.AfterCreatedAt, p.AfterID = &after.At, &after.ID
	}
	mails, err := s.q.ListMails(ctx, s.db.Tenant(actor.Tenant), p)
	for i := range mails {
		if err == nil {
			err = s.openBody(ctx, &mails[i])
		}
	}
	return mails, err
}
