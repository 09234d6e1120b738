package signin_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/uuid"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/clock"
	"github.com/parvis-crm/parvis/internal/parvistest"
)

const (
	samlEntity = "https://sso.ville.example/saml/metadata"
	mfaContext = "https://refeds.org/profile/mfa"
	pwdContext = "urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport"
)

// idp is a SAML provider that says whatever a test wants it to say.
type idp struct {
	t           *testing.T
	clock       *clock.Fixed
	key         *rsa.PrivateKey
	certificate []byte
}

func newIDP(t *testing.T, c *clock.Fixed) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp"}, NotBefore: c.Now().Add(-time.Hour), NotAfter: c.Now().AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return &idp{t: t, clock: c, key: key, certificate: der}
}

func (p *idp) metadata(entity string) string {
	return fmt.Sprintf(`<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID=%q><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://sso.ville.example/saml/singleSignOn"/></md:IDPSSODescriptor></md:EntityDescriptor>`,
		entity, base64.StdEncoding.EncodeToString(p.certificate))
}

// says is what an answer is made of.
type says struct {
	id, inResponseTo, responseTo, audience, recipient, destination, issuer, subject, format, context, email, status string
	issued, notBefore, until, confirmedUntil                                                                        time.Time
	sessionUntil                                                                                                    string
}

func (w *samlWorld) answer(change func(*says)) says {
	now := w.clock.Now().UTC()
	a := says{
		id: "_" + uuid.NewString(), inResponseTo: w.requestID, responseTo: w.requestID, audience: w.entity, recipient: w.acs, destination: w.acs, issuer: samlEntity, subject: "agent-1",
		format: "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent", context: pwdContext, email: "ines.marchand@arcades.example",
		status: "urn:oasis:names:tc:SAML:2.0:status:Success", issued: now, notBefore: now.Add(-time.Minute), until: now.Add(time.Minute), confirmedUntil: now.Add(time.Minute),
	}
	if change != nil {
		change(&a)
	}
	return a
}

func (a says) assertion() string {
	at := func(t time.Time) string { return t.Format(time.RFC3339) }
	return fmt.Sprintf(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID=%q Version="2.0" IssueInstant=%q><saml:Issuer>%s</saml:Issuer><saml:Subject><saml:NameID Format=%q>%s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData InResponseTo=%q Recipient=%q NotOnOrAfter=%q/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore=%q NotOnOrAfter=%q>%s</saml:Conditions><saml:AuthnStatement AuthnInstant=%q%s><saml:AuthnContext><saml:AuthnContextClassRef>%s</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement><saml:AttributeStatement><saml:Attribute Name="urn:oid:0.9.2342.19200300.100.1.3" FriendlyName="mail"><saml:AttributeValue>%s</saml:AttributeValue></saml:Attribute><saml:Attribute Name="displayName"><saml:AttributeValue>Inès Marchand</saml:AttributeValue></saml:Attribute></saml:AttributeStatement></saml:Assertion>`,
		a.id, at(a.issued), a.issuer, a.format, a.subject, a.inResponseTo, a.recipient, at(a.confirmedUntil), at(a.notBefore), at(a.until), a.restriction(), at(a.issued), a.sessionUntil, a.context, a.email)
}

func (a says) restriction() string {
	if a.audience == "" {
		return ""
	}
	return "<saml:AudienceRestriction><saml:Audience>" + a.audience + "</saml:Audience></saml:AudienceRestriction>"
}

func (a says) response(assertion string) string {
	return fmt.Sprintf(`<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_r%s" Version="2.0" IssueInstant=%q Destination=%q InResponseTo=%q><saml:Issuer>%s</saml:Issuer><samlp:Status><samlp:StatusCode Value=%q/></samlp:Status>%s</samlp:Response>`,
		uuid.NewString(), a.issued.Format(time.RFC3339), a.destination, a.responseTo, a.issuer, a.status, assertion)
}

// signed signs an element with an enveloped signature.
func (p *idp) signed(raw, method string, key *rsa.PrivateKey) string {
	p.t.Helper()
	doc := etree.NewDocument()
	require.NoError(p.t, doc.ReadFromString(raw))
	ctx, err := dsig.NewSigningContext(key, [][]byte{p.certificate})
	require.NoError(p.t, err)
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	require.NoError(p.t, ctx.SetSignatureMethod(method))
	signed, err := ctx.SignEnveloped(doc.Root())
	require.NoError(p.t, err)
	// The schema wants the signature right after the issuer.
	last := len(signed.Child) - 1
	signature := signed.Child[last]
	signed.Child = signed.Child[:last]
	signed.InsertChildAt(1, signature)
	out := etree.NewDocument()
	out.SetRoot(signed)
	text, err := out.WriteToString()
	require.NoError(p.t, err)
	return text
}

func (p *idp) sign(raw string) string { return p.signed(raw, dsig.RSASHA256SignatureMethod, p.key) }

// samlWorld is a program whose agents sign in with SAML.
type samlWorld struct {
	*world
	saml *idp
	// Of the last request.
	requestID, relayState string
	entity, acs           string
}

func newSAMLWorld(t *testing.T) *samlWorld {
	t.Helper()
	w := &samlWorld{world: &world{t: t, clock: clock.NewFixed(time.Now())}}
	w.App = parvistest.New(t, parvistest.WithClock(w.clock))
	w.saml = newIDP(t, w.clock)
	w.Patch("/v1/sign-in-policy", object{"return_addresses": []string{returnTo}}).Is(200)
	w.id = w.Post("/v1/identity-providers", object{
		"name": "LemonLDAP::NG", "protocol": "saml", "issuer": samlEntity, "audience": "parvis", "provision": "on_first_use", "email_claim": "mail",
		"name_claim": "displayName", "strong_acr": []string{mfaContext},
	}).Is(201).ID()
	made := w.connect(nil).Is(200).JSON()
	w.entity, w.acs = made["entity_id"].(string), made["acs_url"].(string)
	return w
}

func (w *samlWorld) connect(changes object) *parvistest.Answer {
	w.t.Helper()
	return w.Put("/v1/identity-providers/"+w.id+"/saml", parvistest.With(object{"metadata": w.saml.metadata(samlEntity)}, changes))
}

// begin starts a sign-in and reads the request, whose signature is checked as a
// provider does it (SAML 2.0 Bindings §3.4.4.1).
func (w *samlWorld) begin(changes object) string {
	w.t.Helper()
	raw := w.start(changes).Is(201).JSON()["authorization_url"].(string)
	at, err := url.Parse(raw)
	require.NoError(w.t, err)
	require.Equal(w.t, "https://sso.ville.example/saml/singleSignOn", at.Scheme+"://"+at.Host+at.Path)
	query := at.Query()
	compressed, err := base64.StdEncoding.DecodeString(query.Get("SAMLRequest"))
	require.NoError(w.t, err)
	request, err := io.ReadAll(flate.NewReader(bytes.NewReader(compressed)))
	require.NoError(w.t, err)
	var r struct {
		ID     string `xml:",attr"`
		ACS    string `xml:"AssertionConsumerServiceURL,attr"`
		Issuer string `xml:"Issuer"`
	}
	require.NoError(w.t, xml.Unmarshal(request, &r))
	require.Equal(w.t, []string{w.acs, w.entity}, []string{r.ACS, r.Issuer})
	w.requestID, w.relayState = r.ID, query.Get("RelayState")

	var metadata struct {
		Certificates []string `xml:"SPSSODescriptor>KeyDescriptor>KeyInfo>X509Data>X509Certificate"`
	}
	u, err := url.Parse(w.entity)
	require.NoError(w.t, err)
	require.NoError(w.t, xml.Unmarshal(w.Anonymous().Get(u.Path).Is(200).Body, &metadata))
	der, err := base64.StdEncoding.DecodeString(metadata.Certificates[0])
	require.NoError(w.t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(w.t, err)
	covered, _, ok := strings.Cut(at.RawQuery, "&Signature=")
	require.True(w.t, ok)
	signature, err := base64.StdEncoding.DecodeString(query.Get("Signature"))
	require.NoError(w.t, err)
	sum := sha256.Sum256([]byte(covered))
	require.NoError(w.t, rsa.VerifyPKCS1v15(certificate.PublicKey.(*rsa.PublicKey), crypto.SHA256, sum[:], signature))
	return string(request)
}

// post brings an answer as a browser does.
func (w *samlWorld) post(response string) *parvistest.Answer {
	w.t.Helper()
	form := url.Values{"SAMLResponse": {base64.StdEncoding.EncodeToString([]byte(response))}, "RelayState": {w.relayState}}
	return w.Anonymous().Post("/v1/public/sign-ins/saml", form.Encode(), parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", ""))
}

func (w *samlWorld) outcome(response string) url.Values {
	w.t.Helper()
	u, err := url.Parse(w.post(response).Is(303).Header.Get("Location"))
	require.NoError(w.t, err)
	require.Equal(w.t, "https://agents.arcades.example/signed-in", u.Scheme+"://"+u.Host+u.Path)
	return u.Query()
}

// enters goes the whole way with a good answer, changed.
func (w *samlWorld) enters(start object, change func(*says)) object {
	w.t.Helper()
	w.begin(start)
	a := w.answer(change)
	back := w.outcome(a.response(w.saml.sign(a.assertion())))
	require.Empty(w.t, back.Get("error"))
	return w.exchange(back.Get("code"), verifier).Is(201).JSON()
}
