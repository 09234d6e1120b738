package siem

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/oapi-codegen/nullable"

	"github.com/parvis-crm/parvis/internal/audit"
	"github.com/parvis-crm/parvis/internal/egress"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/ids"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/siem/internal/siemdb"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// mostForwarders of an institution.
const mostForwarders = 20

// syslogPort is that of syslog over TLS (RFC 5425 §4.1), which strangers may be
// reached at besides 443.
const syslogPort = 6514

// Forwarder is where an institution's logs are sent.
type Forwarder = siemdb.SiemForwarder

// Needs are what the service stands on.
type Needs struct {
	DB      *pg.DB
	Audit   *audit.Service
	Secrets vault.Sealer
	Log     *slog.Logger
	// AllowCIDRs are networks of the house that may be sent to.
	AllowCIDRs []netip.Prefix
	// Host is how messages name this server.
	Host string
}

// Options are what tests choose otherwise.
type Options struct {
	Poll, LagAfter, FirstPause, LongestPause time.Duration
	Batch                                    int
}

// Service keeps forwarders and sends for them.
type Service struct {
	Needs
	o      Options
	q      *siemdb.Queries
	client *egress.Client // for looking at addresses
	worker uuid.UUID
}

// NewService makes the service; zero options are the defaults.
func NewService(n Needs, o Options) *Service {
	o.Poll, o.LagAfter = orElse(o.Poll, time.Second), orElse(o.LagAfter, 15*time.Minute)
	o.FirstPause, o.LongestPause = orElse(o.FirstPause, time.Second), orElse(o.LongestPause, 5*time.Minute)
	if o.Batch == 0 {
		o.Batch = 500
	}
	s := &Service{Needs: n, o: o, q: siemdb.New(), worker: ids.New()}
	s.client = egress.New(s.egress(nil, nil))
	return s
}

func orElse(d, otherwise time.Duration) time.Duration {
	if d == 0 {
		return otherwise
	}
	return d
}

func (s *Service) egress(roots *x509.CertPool, certificates []tls.Certificate) egress.Config {
	return egress.Config{AllowCIDRs: s.AllowCIDRs, AllowPorts: []int{syslogPort}, RootCAs: roots, Certificates: certificates, Timeout: answerWithin}
}

// Secrets describes what is kept under the institution's key.
func Secrets() vault.Column {
	return vault.Column{Table: "siem_forwarders", Column: "secret", Key: "id", KeyType: "uuid"}
}

// secret is what is sealed.
type secret struct {
	Token     string `json:"token,omitempty"`
	ClientKey string `json:"client_key,omitempty"`
}

func (s *Service) secretOf(ctx context.Context, db pg.DBTX, f Forwarder) (secret, error) {
	var out secret
	if f.Secret == nil {
		return out, nil
	}
	plain, err := s.Secrets.Open(ctx, db, f.TenantID, f.ID.String(), f.Secret)
	if err != nil {
		return out, err
	}
	defer clear(plain)
	return out, json.Unmarshal(plain, &out)
}

// New is a forwarder to be made.
type New struct {
	Name, URL                         string
	CACertificates, ClientCertificate *string
	Token, ClientKey                  string
	FromBeginning                     bool
}

// Create makes a forwarder.
func (s *Service) Create(ctx context.Context, in New) (Forwarder, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Forwarder{}, err
	}
	kept := secret{in.Token, in.ClientKey}
	address, err := s.check(ctx, in.URL, in.CACertificates, in.ClientCertificate, kept)
	if err != nil {
		return Forwarder{}, err
	}
	place := audit.Place{}
	if !in.FromBeginning {
		if place, err = s.Audit.Ahead(ctx, actor.Tenant); err != nil {
			return Forwarder{}, err
		}
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Forwarder, error) {
		n, err := s.q.CountForwarders(ctx, tx, actor.Tenant)
		if err != nil {
			return Forwarder{}, err
		}
		if n >= mostForwarders {
			return Forwarder{}, fault.New(fault.Conflict, "too-many-forwarders").With("limit", mostForwarders)
		}
		id := ids.New()
		sealed, err := s.sealed(ctx, tx, actor.Tenant, id, kept)
		if err != nil {
			return Forwarder{}, err
		}
		f, err := s.q.InsertForwarder(ctx, tx, siemdb.InsertForwarderParams{
			TenantID: actor.Tenant, ID: id, Name: in.Name, URL: address, CaCertificates: in.CACertificates, ClientCertificate: in.ClientCertificate, Secret: sealed,
			Place: place.String(),
		})
		if err != nil {
			return Forwarder{}, err
		}
		return f, s.record(ctx, tx, "siem_forwarder.created", Forwarder{}, f)
	})
}

func (s *Service) sealed(ctx context.Context, tx pgx.Tx, tenant, id uuid.UUID, kept secret) ([]byte, error) {
	if kept == (secret{}) {
		return nil, nil
	}
	plain, err := json.Marshal(kept)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return s.Secrets.Seal(ctx, tx, tenant, id.String(), plain)
}

// Patch is a change of a forwarder.
type Patch struct {
	Name, URL, Status                                   *string
	CACertificates, ClientCertificate, Token, ClientKey nullable.Nullable[string]
}

// Update changes a forwarder. want is the version that the caller read.
func (s *Service) Update(ctx context.Context, id uuid.UUID, in Patch, want *int64) (Forwarder, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Forwarder{}, err
	}
	return pg.InTxValue(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Forwarder, error) {
		before, err := s.q.LockForwarder(ctx, tx, actor.Tenant, id)
		if err != nil {
			return Forwarder{}, err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return Forwarder{}, err
		}
		kept, err := s.secretOf(ctx, tx, before)
		if err != nil {
			return Forwarder{}, err
		}
		after := before
		set(&after.Name, in.Name)
		set(&after.URL, in.URL)
		set(&after.Status, in.Status)
		// Whoever may change an address does not thereby learn the secrets.
		if after.URL != before.URL && (kept.Token != "" && !in.Token.IsSpecified() || kept.ClientKey != "" && !in.ClientKey.IsSpecified()) {
			return Forwarder{}, fault.Invalid().At("#/url", "secret-needed-again")
		}
		after.CaCertificates, after.ClientCertificate = merged(before.CaCertificates, in.CACertificates), merged(before.ClientCertificate, in.ClientCertificate)
		text := func(old string, n nullable.Nullable[string]) string {
			if out := merged(&old, n); out != nil {
				return *out
			}
			return ""
		}
		renewed := secret{text(kept.Token, in.Token), text(kept.ClientKey, in.ClientKey)}
		if after.URL, err = s.check(ctx, after.URL, after.CaCertificates, after.ClientCertificate, renewed); err != nil {
			return Forwarder{}, err
		}
		if renewed != kept {
			if after.Secret, err = s.sealed(ctx, tx, actor.Tenant, id, renewed); err != nil {
				return Forwarder{}, err
			}
		}
		after, err = s.q.UpdateForwarder(ctx, tx, siemdb.UpdateForwarderParams{
			TenantID: actor.Tenant, ID: id, Name: after.Name, URL: after.URL, CaCertificates: after.CaCertificates, ClientCertificate: after.ClientCertificate,
			Secret: after.Secret, Status: after.Status,
		})
		if err != nil {
			return Forwarder{}, err
		}
		return after, s.record(ctx, tx, "siem_forwarder.updated", before, after)
	})
}

func set(field *string, to *string) {
	if to != nil {
		*field = *to
	}
}

func merged(old *string, n nullable.Nullable[string]) *string {
	if !n.IsSpecified() {
		return old
	}
	if v, err := n.Get(); err == nil {
		return &v
	}
	return nil
}

// Delete ends a forwarder.
func (s *Service) Delete(ctx context.Context, id uuid.UUID, want *int64) error {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return err
	}
	return pg.InTx(ctx, s.DB, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		before, err := s.q.LockForwarder(ctx, tx, actor.Tenant, id)
		if err != nil {
			return err
		}
		if err := web.CheckVersion(want, before.Version); err != nil {
			return err
		}
		if err := s.q.DeleteForwarder(ctx, tx, actor.Tenant, id); err != nil {
			return err
		}
		return s.record(ctx, tx, "siem_forwarder.deleted", before, Forwarder{})
	})
}

// Get returns a forwarder.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Forwarder, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Forwarder{}, err
	}
	return s.q.GetForwarder(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, id)
}

// List returns at most limit forwarders before one, the newest first.
func (s *Service) List(ctx context.Context, before *uuid.UUID, limit int) ([]Forwarder, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.q.ListForwarders(ctx, s.DB.Tenant(actor.Tenant), actor.Tenant, before, int32(limit))
}

// told is what events say of a forwarder: no secrets.
type told struct {
	Name              string  `json:"name,omitempty"`
	URL               string  `json:"url,omitempty"`
	CACertificates    *string `json:"ca_certificates,omitempty"`
	ClientCertificate *string `json:"client_certificate,omitempty"`
	HasSecret         bool    `json:"has_secret,omitempty"`
	Status            string  `json:"status,omitempty"`
}

func toldOf(f Forwarder) told {
	return told{f.Name, f.URL, f.CaCertificates, f.ClientCertificate, f.Secret != nil, f.Status}
}

func (s *Service) record(ctx context.Context, tx pgx.Tx, kind string, before, after Forwarder) error {
	changes, err := events.Diff(toldOf(before), toldOf(after))
	if err != nil {
		return err
	}
	of := after
	if of.ID == uuid.Nil {
		of = before
		of.Version++
	}
	return events.RecordTx(ctx, tx, events.Entry{Type: kind, Subject: events.Subject{Kind: "siem_forwarder", ID: of.ID, Version: of.Version}, Changes: changes})
}

// check refuses what could not be sent to, and gives the address its normal form.
func (s *Service) check(ctx context.Context, raw string, authorities, certificate *string, kept secret) (string, error) {
	f := fault.Invalid()
	u, err := asHTTPS(raw)
	if err == nil {
		u, err = s.client.ValidateURLContext(ctx, u.String())
	}
	if refused, ok := errors.AsType[*egress.Error](err); ok {
		f.Because(err).At("#/url", strings.ReplaceAll(string(refused.Code), "_", "-"))
	} else if err != nil {
		return "", err
	}
	if authorities != nil && !x509.NewCertPool().AppendCertsFromPEM([]byte(*authorities)) {
		f.At("#/ca_certificates", "not-pem")
	}
	switch {
	case (certificate != nil) != (kept.ClientKey != ""):
		f.At("#/client_certificate", "certificate-and-key")
	case certificate != nil:
		if _, err := tls.X509KeyPair([]byte(*certificate), []byte(kept.ClientKey)); err != nil {
			f.At("#/client_certificate", "certificate-and-key")
		}
	}
	syslog := strings.HasPrefix(raw, syslogScheme)
	if syslog && kept.Token != "" {
		f.At("#/token", "not-with-syslog")
	}
	if err := f.OrNil(); err != nil {
		return "", err
	}
	if !syslog {
		return u.String(), nil
	}
	if u.Port() == "" {
		u.Host += ":443" // as it was said
	}
	return syslogScheme + u.Host, nil
}

const syslogScheme = "syslog+tls://"

// asHTTPS is an address in the form in which the rules for addresses are said.
func asHTTPS(raw string) (*url.URL, error) {
	rest, syslog := strings.CutPrefix(raw, syslogScheme)
	if !syslog {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "https" {
			return nil, &egress.Error{Code: egress.CodeURLInvalid, Text: "The URL cannot be read."}
		}
		return u, nil
	}
	u, err := url.Parse("https://" + rest)
	if err != nil || (u.Path != "" && u.Path != "/") || u.RawQuery != "" {
		return nil, &egress.Error{Code: egress.CodeURLInvalid, Text: "The URL cannot be read."}
	}
	if u.Path = ""; u.Port() == "" {
		u.Host += ":6514"
	}
	return u, nil
}
