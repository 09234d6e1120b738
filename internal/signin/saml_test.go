package signin_test

import (
	"crypto/rand"
	"crypto/rsa"
	"net/url"
	"strings"
	"testing"
	"time"

	dsig "github.com/russellhaering/goxmldsig"
	"github.com/stretchr/testify/require"

	"github.com/parvis-crm/parvis/internal/parvistest"
)

func TestAnAgentSignsInWithSAML(t *testing.T) {
	t.Parallel()
	w := newSAMLWorld(t)
	tokens := w.enters(nil, nil)
	user := w.Get("/v1/users/" + tokens["user_id"].(string)).Is(200).JSON()
	require.Equal(t, []any{samlEntity, "agent-1", "ines.marchand@arcades.example", "Inès Marchand"}, []any{user["issuer"], user["subject"], user["email"], user["name"]})
	require.Equal(t, []any{"fed"}, w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]["methods"])
	w.clock.Advance(2 * time.Second)
	require.Equal(t, tokens["user_id"], w.enters(nil, nil)["user_id"], "the same person")

	// The answer as a whole may be signed too.
	w.begin(nil)
	a := w.answer(nil)
	require.NotEmpty(t, w.outcome(w.saml.sign(a.response(w.saml.sign(a.assertion())))).Get("code"))

	out := w.as(tokens).Post("/v1/sign-ins/sign-out", object{}).Is(200).JSON()
	require.Nil(t, out["logout_url"])

	// The provider may end the session earlier.
	short := w.enters(nil, func(a *says) {
		a.sessionUntil = ` SessionNotOnOrAfter="` + w.clock.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"`
	})
	w.clock.Advance(time.Hour + time.Second)
	w.as(short).Get("/v1/me").Problem(401, "unauthenticated")
}

// Every way in which an answer can be wrong, one at a time, with a good one
// before and after.
func TestSAMLAnswersThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newSAMLWorld(t)
	stranger, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	other := newIDP(t, w.clock)
	now := w.clock.Now().UTC()
	with := func(change func(*says)) func() string {
		return func() string { a := w.answer(change); return a.response(w.saml.sign(a.assertion())) }
	}
	said := func(build func(a says, signed string) string) func() string {
		return func() string { a := w.answer(nil); return build(a, w.saml.sign(a.assertion())) }
	}
	evil := func(a says) string {
		a.id, a.subject, a.email = "_evil", "chief", "chief@arcades.example"
		return a.assertion()
	}
	const refused = "sign_in_refused"
	w.enters(nil, nil)
	for name, c := range map[string]struct {
		word  string
		build func() string
	}{
		"unsigned":                  {refused, func() string { a := w.answer(nil); return a.response(a.assertion()) }},
		"only the answer is signed": {refused, func() string { a := w.answer(nil); return w.saml.sign(a.response(a.assertion())) }},
		"signed by a stranger": {refused, func() string {
			a := w.answer(nil)
			return a.response(w.saml.signed(a.assertion(), dsig.RSASHA256SignatureMethod, stranger))
		}},
		"signed by another provider": {refused, func() string { a := w.answer(nil); return a.response(other.sign(a.assertion())) }},
		"signed with SHA-1": {refused, func() string {
			a := w.answer(nil)
			return a.response(w.saml.signed(a.assertion(), dsig.RSASHA1SignatureMethod, w.saml.key))
		}},
		"altered subject": {refused, said(func(a says, signed string) string {
			return a.response(strings.Replace(signed, ">agent-1<", ">chief<", 1))
		})},
		"altered attribute": {refused, said(func(a says, signed string) string {
			return a.response(strings.Replace(signed, "ines.marchand@", "chief@", 1))
		})},
		"altered answer": {refused, func() string {
			a := w.answer(nil)
			return strings.Replace(w.saml.sign(a.response(w.saml.sign(a.assertion()))), `Destination="`, `Consent="x" Destination="`, 1)
		}},
		"no signature value":               {refused, said(func(a says, signed string) string { return a.response(cutElement(signed, "ds:SignatureValue")) })},
		"another audience":                 {refused, with(func(a *says) { a.audience = "https://other.example" })},
		"no audience":                      {refused, with(func(a *says) { a.audience = "" })},
		"another recipient":                {refused, with(func(a *says) { a.recipient = "https://other.example/acs" })},
		"no recipient":                     {refused, with(func(a *says) { a.recipient = "" })},
		"another destination":              {refused, with(func(a *says) { a.destination = "https://other.example/acs" })},
		"another issuer":                   {refused, with(func(a *says) { a.issuer = "https://evil.example" })},
		"another request":                  {refused, with(func(a *says) { a.inResponseTo, a.responseTo = "id-other", "id-other" })},
		"an assertion for another request": {refused, with(func(a *says) { a.inResponseTo = "id-other" })},
		"no request":                       {refused, with(func(a *says) { a.inResponseTo, a.responseTo = "", "" })},
		"expired":                          {refused, with(func(a *says) { a.until = now.Add(-4 * time.Minute) })},
		"confirmed no more":                {refused, with(func(a *says) { a.confirmedUntil = now.Add(-4 * time.Minute) })},
		"not yet good":                     {refused, with(func(a *says) { a.notBefore = now.Add(4 * time.Minute) })},
		"from the future":                  {refused, with(func(a *says) { a.issued = now.Add(4 * time.Minute) })},
		"too old":                          {refused, with(func(a *says) { a.issued = now.Add(-5 * time.Minute) })},
		"a session that is over": {refused, with(func(a *says) {
			a.sessionUntil = ` SessionNotOnOrAfter="` + now.Add(-time.Minute).Format(time.RFC3339) + `"`
		})},
		"a subject for one time": {refused, with(func(a *says) { a.format = "urn:oasis:names:tc:SAML:2.0:nameid-format:transient" })},
		"no subject":             {refused, with(func(a *says) { a.subject = "" })},
		"a subject too long":     {refused, with(func(a *says) { a.subject = strings.Repeat("s", 256) })},
		"the provider says no":   {"access_denied", with(func(a *says) { a.status = "urn:oasis:names:tc:SAML:2.0:status:Responder" })},
		"no assertion":           {refused, func() string { return w.answer(nil).response("") }},
		"not XML":                {refused, func() string { return "SAML" }},
		"not base64":             {refused, nil},
		"another document":       {refused, func() string { return `<html/>` }},
		"a document type with entities": {refused, said(func(a says, signed string) string {
			return `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + a.response(signed)
		})},
		"a processing instruction": {refused, said(func(a says, signed string) string { return `<?xml-stylesheet href="x"?>` + a.response(signed) })},
		"a comment in the subject": {refused, said(func(a says, signed string) string {
			return a.response(strings.Replace(signed, ">agent-1<", ">chief<!-- -->agent-1<", 1))
		})},
		// Wrapping: the signed assertion is somewhere, another one is where it is read.
		"wrapped: an evil one before": {refused, said(func(a says, signed string) string { return a.response(evil(a) + signed) })},
		"wrapped: an evil one behind": {refused, said(func(a says, signed string) string { return a.response(signed + evil(a)) })},
		"wrapped: inside the evil one": {refused, said(func(a says, signed string) string {
			return a.response(strings.Replace(evil(a), "</saml:Assertion>", "<saml:Advice>"+signed+"</saml:Advice></saml:Assertion>", 1))
		})},
		"wrapped: inside its signature": {refused, said(func(a says, signed string) string {
			signature := element(signed, "ds:Signature")
			object := strings.Replace(signature, "</ds:Signature>", "<ds:Object>"+strings.Replace(signed, signature, "", 1)+"</ds:Object></ds:Signature>", 1)
			return a.response(strings.Replace(evil(a), "</saml:Issuer>", "</saml:Issuer>"+object, 1))
		})},
		"wrapped: the same id": {refused, said(func(a says, signed string) string {
			bad := a
			bad.subject = "chief"
			return a.response(strings.Replace(bad.assertion(), "</saml:Issuer>", "</saml:Issuer>"+element(signed, "ds:Signature"), 1))
		})},
		"wrapped: in the extensions": {refused, said(func(a says, signed string) string {
			return strings.Replace(a.response(evil(a)), "<samlp:Status>", "<samlp:Extensions>"+signed+"</samlp:Extensions><samlp:Status>", 1)
		})},
		"wrapped: a signed answer inside an evil one": {refused, func() string {
			a := w.answer(nil)
			whole := w.saml.sign(a.response(w.saml.sign(a.assertion())))
			return strings.Replace(a.response(evil(a)), "<samlp:Status>", "<samlp:Extensions>"+whole+"</samlp:Extensions><samlp:Status>", 1)
		}},
	} {
		w.begin(nil)
		var back url.Values
		if c.build == nil {
			a := w.Anonymous().Post("/v1/public/sign-ins/saml", url.Values{"SAMLResponse": {"*"}, "RelayState": {w.relayState}}.Encode(),
				parvistest.Header("Content-Type", "application/x-www-form-urlencoded"), parvistest.Header("Idempotency-Key", "")).Is(303)
			u, err := url.Parse(a.Header.Get("Location"))
			require.NoError(t, err)
			back = u.Query()
		} else {
			back = w.outcome(c.build())
		}
		require.Equal(t, c.word, back.Get("error"), name)
		require.Empty(t, back.Get("code"), name)
	}
	w.enters(nil, nil)
	users := w.Get("/v1/users?email=chief@arcades.example").Is(200).Data()
	require.Empty(t, users)
}

// element is an element as it is written.
func element(in, name string) string {
	from, to := strings.Index(in, "<"+name+" "), strings.Index(in, "</"+name+">")
	if from < 0 {
		from = strings.Index(in, "<"+name+">")
	}
	return in[from : to+len(name)+3]
}

func cutElement(in, name string) string { return strings.Replace(in, element(in, name), "", 1) }

// An assertion is good once: not for the same request, nor for another one.
func TestAnAssertionIsGoodOnce(t *testing.T) {
	t.Parallel()
	w := newSAMLWorld(t)
	w.begin(nil)
	a := w.answer(nil)
	response := a.response(w.saml.sign(a.assertion()))
	require.NotEmpty(t, w.outcome(response).Get("code"))
	w.post(response).Problem(401, "sign-in-unknown")

	w.begin(nil)
	require.Equal(t, "sign_in_refused", w.outcome(response).Get("error"))

	// The same id again, in an assertion for the new request.
	w.begin(nil)
	again := w.answer(func(b *says) { b.id = a.id })
	require.Equal(t, "sign_in_refused", w.outcome(again.response(w.saml.sign(again.assertion()))).Get("error"))

	w.relayState = strings.Repeat("r", 43)
	w.post(response).Problem(401, "sign-in-unknown")
	w.relayState = ""
	w.post(response).Problem(401, "sign-in-unknown")
}

// An answer to an OpenID sign-in is no answer to a SAML one.
func TestProtocolsAreNotMixed(t *testing.T) {
	t.Parallel()
	w := newSAMLWorld(t)
	w.begin(nil)
	state := w.relayState
	u, err := url.Parse(w.Anonymous().Get("/v1/sign-ins/callback?code=x&state=" + state).Is(303).Header.Get("Location"))
	require.NoError(t, err)
	require.Equal(t, "sign_in_refused", u.Query().Get("error"))
	a := w.answer(nil)
	w.post(a.response(w.saml.sign(a.assertion()))).Problem(401, "sign-in-unknown")
}

func TestSAMLContextsAreAskedForAndRequired(t *testing.T) {
	t.Parallel()
	w := newSAMLWorld(t)
	w.connect(object{"requested_contexts": []string{pwdContext}, "required_contexts": []string{pwdContext}}).Is(200)
	require.Contains(t, w.begin(nil), pwdContext)
	request := w.begin(object{"level": "strong"})
	require.Contains(t, request, mfaContext)
	require.Contains(t, request, `ForceAuthn="true"`)
	a := w.answer(nil)
	require.Equal(t, "sign_in_too_weak", w.outcome(a.response(w.saml.sign(a.assertion()))).Get("error"))
	tokens := w.enters(object{"level": "strong"}, func(a *says) { a.context = mfaContext })
	require.Equal(t, []any{"fed", "mfa"}, w.as(tokens).Get("/v1/sessions").Is(200).Data()[0]["methods"])
	w.begin(nil)
	a = w.answer(func(a *says) { a.context = "urn:oasis:names:tc:SAML:2.0:ac:classes:unspecified" })
	require.Equal(t, "sign_in_too_weak", w.outcome(a.response(w.saml.sign(a.assertion()))).Get("error"))
}

func TestMetadataThatCannotBeTrusted(t *testing.T) {
	t.Parallel()
	w := newSAMLWorld(t)
	good := w.saml.metadata(samlEntity)
	for name, metadata := range map[string]string{
		"not XML":            "metadata",
		"of another entity":  w.saml.metadata("https://other.example"),
		"with entities":      `<!DOCTYPE r [<!ENTITY e SYSTEM "file:///etc/passwd">]>` + good,
		"without keys":       cutElement(good, "md:KeyDescriptor"),
		"without an address": strings.Replace(good, "HTTP-Redirect", "SOAP", 1),
		"not encrypted":      strings.Replace(good, "https://sso.ville.example/saml/singleSignOn", "http://sso.ville.example/", 1),
		"not a provider's":   strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor"),
		"a script":           strings.Replace(good, "https://sso.ville.example/saml/singleSignOn", "javascript:alert(1)", 1),
	} {
		a := w.connect(object{"metadata": metadata})
		require.Equal(t, 422, a.Status, "%s: %s", name, a.Body)
		a.Points("#/metadata")
	}
	at := "/v1/identity-providers/" + w.id + "/saml"
	read := w.Get(at).Is(200)
	require.NotContains(t, string(read.Body), "private")
	require.Len(t, read.JSON()["certificates"], 1)
	w.As("identity-providers:write").Put(at, object{"metadata": good}).Problem(403, "rights-exceeded")
	w.OtherTenant().Get(at).Problem(404, "not-found")
	w.OtherTenant().Put(at, object{"metadata": good}).Problem(404, "not-found")
	u, err := url.Parse(w.entity)
	require.NoError(t, err)
	require.NotContains(t, string(w.Anonymous().Get(u.Path).Is(200).Body), "-cbc")
	w.Anonymous().Get(strings.Replace(u.Path, w.id, w.Tenant.String(), 1)).Problem(404, "not-found")
	require.Equal(t, "saml", w.Anonymous().Get("/v1/public/institutions/" + w.Tenant.String() + "/identity-providers").Is(200).Data()[0]["protocol"])
	w.connect(object{"is_enabled": false}).Is(200)
	w.start(nil).Problem(404, "not-found")
}
