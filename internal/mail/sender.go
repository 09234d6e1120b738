package mail

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/parvis-crm/parvis/internal/mail/internal/maildb"
)

// errUnsendable marks a mail that no server could be given.
var errUnsendable = errors.New("mail: cannot be written")

const dialTimeout = 15 * time.Second

// sender keeps one connection to the SMTP server as long as it is of use.
type sender struct {
	client *gomail.Client
	from   string
	open   bool
}

func newSender(smtpURL, from string) (*sender, error) {
	u, err := url.Parse(smtpURL)
	if err != nil || u.Hostname() == "" {
		return nil, errors.New("mail: PARVIS_SMTP_URL is smtp://user:password@host:port or smtps://…")
	}
	options := []gomail.Option{gomail.WithTimeout(dialTimeout), gomail.WithTLSPolicy(tlsPolicy(u))}
	port := 587
	switch u.Scheme {
	case "smtp":
	case "smtps":
		port = 465
		options = append(options, gomail.WithSSL())
	default:
		return nil, fmt.Errorf("mail: PARVIS_SMTP_URL has scheme %q; smtp and smtps are known", u.Scheme)
	}
	if text := u.Port(); text != "" {
		if port, err = strconv.Atoi(text); err != nil {
			return nil, fmt.Errorf("mail: PARVIS_SMTP_URL: %w", err)
		}
	}
	options = append(options, gomail.WithPort(port))
	if u.User != nil {
		password, _ := u.User.Password()
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(u.User.Username()), gomail.WithPassword(password))
	}
	client, err := gomail.NewClient(u.Hostname(), options...)
	if err != nil {
		return nil, fmt.Errorf("mail: %w", err)
	}
	return &sender{client: client, from: from}, nil
}

// tlsPolicy: what is on this machine may be given mails in the clear, and what the
// operator says so of (?tls=optional); any other server has to offer STARTTLS
// with a certificate that is its own (RFC 3207), or it is given none. Mails have
// links in them that open an account.
func tlsPolicy(u *url.URL) gomail.TLSPolicy {
	if Clear(u) {
		return gomail.TLSOpportunistic
	}
	return gomail.TLSMandatory
}

// Clear reports whether mails may go to a server in the clear.
func Clear(u *url.URL) bool {
	if u.Scheme == "smtps" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback() || u.Query().Get("tls") == "optional"
}

func (s *sender) send(ctx context.Context, m maildb.Mail) error {
	msg, err := s.message(m)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnsendable, err)
	}
	reused := s.open
	if err := s.dial(ctx); err != nil {
		return err
	}
	err = s.client.Send(msg)
	var refused *gomail.SendError
	if err != nil && errors.As(err, &refused) && refused.ErrorCode() > 0 {
		return err // the server answered: the connection is as good as before
	}
	if err == nil {
		return nil
	}
	s.close()
	if !reused {
		return err
	}
	// A server may have closed a connection that was idle.
	if err := s.dial(ctx); err != nil {
		return err
	}
	if err := s.client.Send(msg); err != nil {
		s.close()
		return err
	}
	return nil
}

func (s *sender) dial(ctx context.Context) error {
	if s.open {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	if err := s.client.DialWithContext(ctx); err != nil {
		return err
	}
	s.open = true
	return nil
}

func (s *sender) close() {
	if s.open {
		_ = s.client.Close()
	}
	s.open = false
}

func (s *sender) message(m maildb.Mail) (*gomail.Msg, error) {
	if m.BodyText == nil {
		return nil, errors.New("the body is gone")
	}
	var headers map[string]string
	if err := json.Unmarshal(m.Headers, &headers); err != nil {
		return nil, err
	}
	msg := gomail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return nil, err
	}
	if err := msg.To(m.Recipient); err != nil {
		return nil, err
	}
	msg.Subject(m.Subject)
	msg.SetMessageIDWithValue(m.MessageID)
	msg.SetDateWithValue(m.CreatedAt)
	// Nobody's holiday notice should answer a machine (RFC 3834).
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	for name, value := range headers {
		msg.SetGenHeader(gomail.Header(name), value)
	}
	msg.SetBodyString(gomail.TypeTextPlain, *m.BodyText)
	if m.BodyHtml != nil {
		msg.AddAlternativeString(gomail.TypeTextHTML, *m.BodyHtml)
	}
	return msg, nil
}
