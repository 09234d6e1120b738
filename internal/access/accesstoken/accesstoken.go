// Package accesstoken writes and verifies the access tokens of Parvis: JSON Web
// Tokens of the profile of RFC 9068, signed with ES256 or RS256, read under the
// rules of RFC 8725.
package accesstoken

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"github.com/parvis-crm/parvis/internal/access/jwk"
)

const (
	// Lifetime of a token.
	Lifetime = 15 * time.Minute
	// MaxLength of a token, in bytes: beyond it nothing is parsed.
	MaxLength = 8 << 10
	// Leeway for clocks that differ.
	Leeway = 30 * time.Second

	headerType = "at+jwt"

	// ForUser is the principal of a token that stands for a person.
	ForUser = "user"
	// UserClient is the client of every user's token: the program itself, whose
	// sessions they are. It is no identifier of a registered client.
	UserClient = "parvis"
)

// ErrInvalid says that a token is not valid. The cause is for logs and tests
// and never for callers.
var ErrInvalid = errors.New("accesstoken: not valid")

// methods are the only algorithms: a constant list, since an empty one would
// accept any. No symmetric algorithm is ever in it.
func methods() []string { return []string{jwk.ES256, jwk.RS256} }

// Claims of a token. The registered ones are embedded by value, so that their
// types are checked.
//
// A token is a client's or a user's, and says which. A client's has its id as
// subject and client_id and no principal; a user's has the principal "user", the
// user's id as subject, [UserClient] as client_id and the session it is of. What
// mixes the two is no token.
type Claims struct {
	jwt.RegisteredClaims
	ClientID  string    `json:"client_id"`
	Scope     string    `json:"scope"`
	Tenant    uuid.UUID `json:"tenant"`
	Principal string    `json:"principal,omitempty"`
	Session   string    `json:"sid,omitempty"`
	// Methods by which the person proved who they are (RFC 8176), and when.
	Methods  []string         `json:"amr,omitempty"`
	AuthTime *jwt.NumericDate `json:"auth_time,omitempty"`
}

// User reports whether the token stands for a person.
func (c Claims) User() bool { return c.Principal == ForUser }

// Scopes of the token.
func (c Claims) Scopes() []string { return strings.Fields(c.Scope) }

// Key verifies what was signed with one algorithm.
type Key struct {
	Algorithm string
	Public    crypto.PublicKey
}

// Sign writes a token under the key id.
func Sign(c Claims, kid, algorithm string, private crypto.Signer) (string, error) {
	method := jwt.GetSigningMethod(algorithm)
	if algorithm != jwk.ES256 && algorithm != jwk.RS256 {
		return "", fmt.Errorf("accesstoken: no signatures with %q", algorithm)
	}
	t := jwt.NewWithClaims(method, c)
	t.Header["typ"], t.Header["kid"] = headerType, kid
	return t.SignedString(private)
}

// Verifier reads the tokens of one issuer for one audience.
type Verifier struct{ parser *jwt.Parser }

// NewVerifier makes a verifier. Issuer and audience are not empty: the library
// would silently leave the check out.
func NewVerifier(issuer, audience string, now func() time.Time) (*Verifier, error) {
	if issuer == "" || audience == "" {
		return nil, errors.New("accesstoken: issuer and audience must be known")
	}
	return &Verifier{parser: jwt.NewParser(
		jwt.WithValidMethods(methods()),
		jwt.WithIssuer(issuer),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithLeeway(Leeway),
		jwt.WithTimeFunc(now),
		jwt.WithStrictDecoding(),
	)}, nil
}

// Verify reads a token with the key that find knows by its id. Whatever is
// wrong, the error is ErrInvalid, except for errors of find itself.
func (v *Verifier) Verify(token string, find func(kid string) (Key, error)) (Claims, error) {
	if len(token) > MaxLength {
		return Claims{}, invalid("longer than allowed")
	}
	var c Claims
	var failed error
	_, err := v.parser.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		kid, err := checkHeader(t.Header)
		if err != nil {
			return nil, err
		}
		key, err := find(kid)
		if err != nil {
			failed = err
			return nil, err
		}
		return key.forMethod(t.Method.Alg())
	})
	switch {
	case failed != nil && !errors.Is(failed, ErrInvalid):
		return Claims{}, failed
	case err != nil:
		return Claims{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return c, checkClaims(c)
}

// Unknown is what find returns for a key id that nobody has.
func Unknown(kid string) error { return invalid(fmt.Sprintf("key %q is unknown", kid)) }

// checkHeader sees to what the library leaves alone: the type of the token and
// extensions that must be understood (RFC 7515 §4.1.11), of which we know none.
func checkHeader(header map[string]any) (kid string, err error) {
	if header["typ"] != headerType {
		return "", invalid("not an access token")
	}
	if _, critical := header["crit"]; critical {
		return "", invalid("critical extensions")
	}
	kid, ok := header["kid"].(string)
	if !ok || kid == "" {
		return "", invalid("no key id")
	}
	return kid, nil
}

// forMethod gives the key when it, its declared algorithm and the token's agree.
func (k Key) forMethod(algorithm string) (crypto.PublicKey, error) {
	var ok bool
	switch algorithm {
	case jwk.ES256:
		_, ok = k.Public.(*ecdsa.PublicKey)
	case jwk.RS256:
		_, ok = k.Public.(*rsa.PublicKey)
	}
	if !ok || k.Algorithm != algorithm {
		return nil, invalid("key and algorithm disagree")
	}
	return k.Public, nil
}

// checkClaims wants every claim that RFC 9068 §2.2 requires.
func checkClaims(c Claims) error {
	id, err := uuid.Parse(c.ID)
	switch {
	case err != nil || id == uuid.Nil:
		return invalid("no token id")
	case c.ExpiresAt == nil || c.IssuedAt == nil:
		return invalid("no times")
	case c.Principal != "" && c.Principal != ForUser:
		return invalid("an unknown kind of principal")
	case c.User() && !(isID(c.Subject) && isID(c.Session) && c.ClientID == UserClient):
		return invalid("no user")
	case !c.User() && (c.Subject == "" || c.Subject != c.ClientID || c.ClientID == UserClient || c.Session != ""):
		return invalid("no client")
	case c.Tenant == uuid.Nil:
		return invalid("no institution")
	}
	return nil
}

func isID(text string) bool {
	id, err := uuid.Parse(text)
	return err == nil && id != uuid.Nil
}

func invalid(why string) error { return fmt.Errorf("%w: %s", ErrInvalid, why) }
