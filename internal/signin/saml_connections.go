package signin

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/crewjam/saml"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	dsig "github.com/russellhaering/goxmldsig"

	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/federation"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/signin/internal/signindb"
	"github.com/parvis-crm/parvis/internal/web"
)

// Connection is how this program and a SAML provider know each other.
type Connection = signindb.SamlConnection

const (
	// SAMLPath is where SAML providers have browsers post their answers.
	SAMLPath = "/v1/public/sign-ins/saml"
	samlBits = 3072
	// certificateLife: nobody judges our certificate by its dates, the key in it
	// is what the provider was told.
	certificateLife = 20 * 365 * 24 * time.Hour
)

// entityOf is our name to a provider, and where our metadata is.
func (s *Service) entityOf(tenant, provider uuid.UUID) string {
	return s.config.PublicURL + "/v1/public/institutions/" + tenant.String() + "/identity-providers/" + provider.String() + "/saml-metadata"
}

func (s *Service) acsURL() string { return s.config.PublicURL + SAMLPath }

// GetConnection is how people of the actor's institution sign in with a provider.
func (s *Service) GetConnection(ctx context.Context, provider uuid.UUID) (Connection, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Connection{}, err
	}
	return s.q.GetConnection(ctx, s.db.Tenant(actor.Tenant), actor.Tenant, provider)
}

// PutConnection replaces it, but for our own key.
func (s *Service) PutConnection(ctx context.Context, c Connection, version *int64) (Connection, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return Connection{}, err
	}
	if err := federation.MayTrust(actor); err != nil {
		return Connection{}, err
	}
	c.TenantID = actor.Tenant
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) (Connection, error) {
		p, err := s.needs.Federation.GetTx(ctx, tx, c.ProviderID)
		if err != nil {
			return Connection{}, err
		}
		before, err := s.q.LockConnection(ctx, tx, actor.Tenant, c.ProviderID)
		if err != nil && !pg.IsNoRows(err) {
			return Connection{}, err
		}
		if err := web.CheckVersion(version, before.Version); err != nil {
			return Connection{}, err
		}
		if p.Protocol != "saml" {
			return Connection{}, fault.Invalid().At("#/metadata", "not-for-saml")
		}
		if _, err := entityFrom(c.Metadata, p.Issuer); err != nil {
			return Connection{}, fault.Invalid().At("#/metadata", "saml-metadata-unfit", "why", err.Error()).Because(err)
		}
		c.PrivateKey, c.Certificate = before.PrivateKey, before.Certificate
		if c.PrivateKey == nil {
			if err := s.makeKey(ctx, tx, &c); err != nil {
				return Connection{}, err
			}
		}
		after, err := s.q.PutConnection(ctx, tx, signindb.PutConnectionParams{
			TenantID: c.TenantID, ProviderID: c.ProviderID, IsEnabled: c.IsEnabled, Metadata: c.Metadata, PrivateKey: c.PrivateKey, Certificate: c.Certificate,
			NameIDFormat: c.NameIDFormat, RequestedContexts: c.RequestedContexts, RequiredContexts: c.RequiredContexts, SessionSeconds: c.SessionSeconds,
		})
		if err != nil {
			return Connection{}, err
		}
		changes, err := events.Diff(connectionRecord(before), connectionRecord(after))
		if err != nil {
			return Connection{}, err
		}
		return after, events.RecordTx(ctx, tx, events.Entry{
			Type: "identity_provider.sign_in_changed", Subject: events.Subject{Kind: "identity_provider", ID: c.ProviderID, Version: p.Version}, Changes: changes,
		})
	})
}

func connectionRecord(c Connection) map[string]any {
	if c.ProviderID == uuid.Nil {
		return nil
	}
	return map[string]any{
		"is_enabled": c.IsEnabled, "metadata": c.Metadata, "name_id_format": c.NameIDFormat, "requested_contexts": c.RequestedContexts,
		"required_contexts": c.RequiredContexts, "session_seconds": c.SessionSeconds,
	}
}

// makeKey makes the key by which the program signs its requests and reads what
// is encrypted for it, with the certificate that carries it.
func (s *Service) makeKey(ctx context.Context, tx pgx.Tx, c *Connection) error {
	private, err := rsa.GenerateKey(rand.Reader, samlBits)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return err
	}
	now := s.clock.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: c.ProviderID.String()}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	}
	if c.Certificate, err = x509.CreateCertificate(rand.Reader, template, template, private.Public(), private); err != nil {
		return err
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	c.PrivateKey, err = s.needs.SAMLKeys.Seal(ctx, tx, c.TenantID, c.ProviderID.String(), der)
	return err
}

// plainXML refuses what a SAML message has no need of: document types, with the
// entities in them, and processing instructions (XML 1.0 §2.8, §4.2).
func plainXML(raw []byte) error {
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		t, err := d.Token()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("not XML: %w", err)
		}
		switch t := t.(type) {
		case xml.Directive:
			return errors.New("it has a document type")
		case xml.ProcInst:
			if t.Target != "xml" {
				return errors.New("it has processing instructions")
			}
		}
	}
}

// entityFrom reads a provider's metadata, which have to be its own and enough.
func entityFrom(metadata, issuer string) (*saml.EntityDescriptor, error) {
	if err := plainXML([]byte(metadata)); err != nil {
		return nil, err
	}
	var e saml.EntityDescriptor
	if err := xml.Unmarshal([]byte(metadata), &e); err != nil {
		return nil, fmt.Errorf("not the metadata of one entity: %w", err)
	}
	if e.EntityID != issuer {
		return nil, fmt.Errorf("they are of %.200q and not of the issuer", e.EntityID)
	}
	if len(e.IDPSSODescriptors) != 1 {
		return nil, errors.New("they are not of one identity provider")
	}
	u, err := url.Parse(ssoOf(&e))
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Hostname() != "127.0.0.1" && u.Hostname() != "localhost") {
		return nil, errors.New("they have no https address with the HTTP redirect binding")
	}
	if all, err := certificatesOf(&e); err != nil || len(all) == 0 {
		return nil, errors.New("they have no certificate to judge signatures by")
	}
	return &e, nil
}

func ssoOf(e *saml.EntityDescriptor) string {
	return (&saml.ServiceProvider{IDPMetadata: e}).GetSSOBindingLocation(saml.HTTPRedirectBinding)
}

// certificatesOf are those by which the provider's signatures are judged.
func certificatesOf(e *saml.EntityDescriptor) ([]*x509.Certificate, error) {
	var out []*x509.Certificate
	for _, d := range e.IDPSSODescriptors {
		for _, key := range d.KeyDescriptors {
			if key.Use != "" && key.Use != "signing" {
				continue
			}
			for _, c := range key.KeyInfo.X509Data.X509Certificates {
				der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(c.Data), ""))
				if err != nil {
					return nil, err
				}
				one, err := x509.ParseCertificate(der)
				if err != nil {
					return nil, err
				}
				out = append(out, one)
			}
		}
	}
	return out, nil
}

// ours is the program as a service provider of a SAML provider.
func (s *Service) ours(ctx context.Context, p federation.Provider, c Connection) (*saml.ServiceProvider, error) {
	e, err := entityFrom(c.Metadata, p.Issuer)
	if err != nil {
		return nil, err
	}
	der, err := s.needs.SAMLKeys.Open(ctx, s.db.Tenant(c.TenantID), c.TenantID, c.ProviderID.String(), c.PrivateKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, err
	}
	key, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("signin: the key of a SAML connection is no RSA key")
	}
	certificate, err := x509.ParseCertificate(c.Certificate)
	if err != nil {
		return nil, err
	}
	acs, err := url.Parse(s.acsURL())
	if err != nil {
		return nil, err
	}
	at, err := url.Parse(s.entityOf(c.TenantID, c.ProviderID))
	if err != nil {
		return nil, err
	}
	format := saml.PersistentNameIDFormat
	if c.NameIDFormat == "unspecified" {
		format = saml.UnspecifiedNameIDFormat
	}
	return &saml.ServiceProvider{
		EntityID: at.String(), Key: key, Certificate: certificate, MetadataURL: *at, AcsURL: *acs, IDPMetadata: e, AuthnNameIDFormat: format,
		SignatureMethod: dsig.RSASHA256SignatureMethod, AssertionConsumerServiceBindings: []string{saml.HTTPPostBinding}, MetadataOmitValidUntil: true,
		RejectSHA1Signatures: true, RejectUnknownConditions: true, RequireSignedResponseForCBC: true, RejectExpiredIDPMetadata: true,
		Clock: dsig.NewFakeClockAt(s.clock.Now()), ReplayCache: seenOnce{ctx, s, c},
	}, nil
}

// seenOnce keeps in the database which assertions were taken, for all processes.
type seenOnce struct {
	ctx        context.Context //nolint:containedctx // the library's interface has none, and this lives as long as one request
	service    *Service
	connection Connection
}

// Consume implements saml.AssertionReplayCache.
func (o seenOnce) Consume(id string, until time.Time) error {
	c := o.connection
	n, err := o.service.q.TakeAssertion(o.ctx, o.service.db.Tenant(c.TenantID), signindb.TakeAssertionParams{
		TenantID: c.TenantID, ProviderID: c.ProviderID, AssertionHash: hashOf(id), ExpiresAt: until,
	})
	if err == nil && n == 0 {
		err = saml.ErrAssertionReplayed
	}
	return err
}

// Metadata is what a provider is told of this program.
func (s *Service) Metadata(ctx context.Context, institution, provider uuid.UUID) ([]byte, error) {
	tenant, err := s.q.ResolveInstitution(ctx, s.db.Unscoped(), institution)
	if err != nil {
		return nil, err
	}
	p, err := s.needs.Federation.Known(ctx, tenant, provider)
	if err != nil {
		return nil, err
	}
	c, err := s.q.GetConnection(ctx, s.db.Tenant(tenant), tenant, provider)
	if err == nil && c.PrivateKey == nil {
		err = fault.NotFound()
	}
	if err != nil {
		return nil, err
	}
	sp, err := s.ours(ctx, p, c)
	if err != nil {
		return nil, err
	}
	e := sp.Metadata()
	for i := range e.SPSSODescriptors {
		for n, key := range e.SPSSODescriptors[i].KeyDescriptors {
			// What can be altered unnoticed is not asked for.
			e.SPSSODescriptors[i].KeyDescriptors[n].EncryptionMethods = slices.DeleteFunc(key.EncryptionMethods, func(m saml.EncryptionMethod) bool {
				return strings.HasSuffix(m.Algorithm, "-cbc")
			})
		}
	}
	raw, err := xml.MarshalIndent(e, "", "  ")
	return append([]byte(xml.Header), raw...), err
}
