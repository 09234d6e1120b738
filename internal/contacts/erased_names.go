package contacts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/contacts/internal/contactsdb"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
	"github.com/parvis-crm/parvis/internal/web"
)

// SealedErasureKeys describes where the key is by which erased names and
// addresses are hashed. It arrives with an archive in the clear, as everything in
// an archive, and is sealed at the next start.
func SealedErasureKeys() vault.Column {
	return vault.Column{
		Table: "contact_erasure_keys", Column: "hashing_sealed", Key: "id", KeyType: "uuid",
		Unsealed: "hashing_sealed is null and hashing <> '{}'::jsonb",
		Clear:    "convert_to(hashing::text, 'UTF8')",
		Emptied:  "hashing = '{}'",
	}
}

// SetErasureKeys is called once at wiring time.
func (s *Service) SetErasureKeys(keys vault.Sealer) { s.erasureKeys = &keys }

type erasureSecret struct {
	Key []byte `json:"key"`
}

// erasureKey is the institution's key for what is remembered of erased contacts;
// nil where nobody was ever erased, unless it is to be made.
func (s *Service) erasureKey(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, wanted bool) ([]byte, error) {
	row, err := s.q.GetErasureKey(ctx, tx, tenant)
	if pg.IsNoRows(err) && wanted {
		secret := erasureSecret{Key: make([]byte, sha256.Size)}
		_, _ = rand.Read(secret.Key) // never fails since Go 1.24: it ends the program instead
		raw, err := json.Marshal(secret)
		if err != nil {
			return nil, err
		}
		sealed, err := s.erasureKeys.Seal(ctx, tx, tenant, tenant.String(), raw)
		if err != nil {
			return nil, err
		}
		if err := s.q.InsertErasureKey(ctx, tx, tenant, tenant, sealed); err != nil {
			return nil, err
		}
		return s.erasureKey(ctx, tx, tenant, false) // somebody else's, if they came first
	}
	if pg.IsNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	raw := []byte(row.Hashing)
	if row.HashingSealed != nil {
		if raw, err = s.erasureKeys.Open(ctx, tx, tenant, row.ID.String(), row.HashingSealed); err != nil {
			return nil, err
		}
	}
	var secret erasureSecret
	err = json.Unmarshal(raw, &secret)
	return secret.Key, err
}

// ForgettingKeyTx is the key by which an institution remembers whom it forgot,
// for domains that remember names of their own; nil where nobody was ever erased,
// unless it is to be made. It moves with the institution's archive.
func (s *Service) ForgettingKeyTx(ctx context.Context, tx pgx.Tx, wanted bool) ([]byte, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil {
		return nil, err
	}
	return s.erasureKey(ctx, tx, actor.Tenant, wanted)
}

func hashed(key []byte, parts ...string) []byte {
	h := hmac.New(sha256.New, key)
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum(nil)
}

func nameHash(key []byte, n NewExternalID) []byte { return hashed(key, "name", n.Source, n.ExternalID) }

func pointHash(key []byte, kind, normalized string) []byte {
	return hashed(key, "point", kind, normalized)
}

// rememberErased keeps of a contact what stops it from being made again unasked.
func (s *Service) rememberErased(ctx context.Context, tx pgx.Tx, e Erasing) error {
	tenant := e.Contact.TenantID
	key, err := s.erasureKey(ctx, tx, tenant, true)
	if err != nil {
		return err
	}
	names := contactsdb.InsertErasedNamesParams{TenantID: tenant, ErasedAt: e.At}
	for _, x := range e.ExternalIDs {
		names.NameHashes = append(names.NameHashes, nameHash(key, NewExternalID{x.Source, x.ExternalID}))
		names.ContactIds = append(names.ContactIds, e.Contact.ID)
	}
	if len(names.NameHashes) > 0 {
		if err := s.q.InsertErasedNames(ctx, tx, names); err != nil {
			return err
		}
	}
	opposed := contactsdb.InsertOppositionsParams{TenantID: tenant, Since: e.At}
	for _, kind := range []string{Email, Phone} {
		for _, normalized := range e.Reached(kind) {
			opposed.PointHashes, opposed.Kinds = append(opposed.PointHashes, pointHash(key, kind, normalized)), append(opposed.Kinds, kind)
		}
	}
	if len(opposed.PointHashes) == 0 {
		return nil
	}
	return s.q.InsertOppositions(ctx, tx, opposed)
}

// ErasedNamesTx tells which of these names in other systems were an erased
// contact's. Who is about to take a name holds it first.
func (s *Service) ErasedNamesTx(ctx context.Context, tx pgx.Tx, names []NewExternalID) (map[NewExternalID]bool, error) {
	actor, err := web.ActorFrom(ctx)
	if err != nil || len(names) == 0 {
		return nil, err
	}
	key, err := s.erasureKey(ctx, tx, actor.Tenant, false)
	if err != nil {
		return nil, err
	}
	return s.erasedUnder(ctx, tx, actor.Tenant, key, names)
}

func (s *Service) erasedUnder(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, key []byte, names []NewExternalID) (map[NewExternalID]bool, error) {
	if key == nil || len(names) == 0 {
		return nil, nil
	}
	of, hashes := map[[sha256.Size]byte]NewExternalID{}, make([][]byte, len(names))
	for i, n := range names {
		hashes[i] = nameHash(key, n)
		of[[sha256.Size]byte(hashes[i])] = n
	}
	rows, err := s.q.FindErasedNames(ctx, tx, tenant, hashes)
	if err != nil {
		return nil, err
	}
	out := make(map[NewExternalID]bool, len(rows))
	for _, r := range rows {
		out[of[[sha256.Size]byte(r.NameHash)]] = true
	}
	return out, nil
}

// refuseErased refuses names that were an erased contact's.
func (s *Service) refuseErased(ctx context.Context, tx pgx.Tx, names ...NewExternalID) error {
	erased, err := s.ErasedNamesTx(ctx, tx, names)
	if err == nil && len(erased) > 0 {
		err = erasedFault()
	}
	return err
}

// Opposed is called for the ways of reaching a contact that an erased one was
// reached at, and that are new to it; since is when that was erased.
type Opposed func(ctx context.Context, tx pgx.Tx, p Point, since time.Time) error

// SetOpposed is called once at wiring time.
func (s *Service) SetOpposed(o Opposed) { s.opposed = o }

// oppose bars new points that an erased contact was reached at from being
// written to: whoever was erased is told nothing again until they ask for it
// themselves (GDPR art. 21(3)). It changes the points before they are written.
func (s *Service) oppose(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, key []byte, points []*Point) ([]opposition, error) {
	if key == nil {
		return nil, nil
	}
	of, hashes := map[[sha256.Size]byte][]*Point{}, [][]byte{}
	for _, p := range points {
		if p.Kind != Email && p.Kind != Phone {
			continue
		}
		h := pointHash(key, p.Kind, p.Normalized)
		of[[sha256.Size]byte(h)] = append(of[[sha256.Size]byte(h)], p)
		hashes = append(hashes, h)
	}
	if len(hashes) == 0 {
		return nil, nil
	}
	rows, err := s.q.FindOppositions(ctx, tx, tenant, hashes)
	if err != nil {
		return nil, err
	}
	var out []opposition
	for _, r := range rows {
		for _, p := range of[[sha256.Size]byte(r.PointHash)] {
			reason := opposedReason
			p.Status, p.StatusReason = "opted_out", &reason
			out = append(out, opposition{p, r.Since})
		}
	}
	return out, nil
}

// opposedReason is the reason for people.
const opposedReason = "opposition"

type opposition struct {
	point *Point
	since time.Time
}

// tellOpposed hands on what was opposed, once the points are there.
func (s *Service) tellOpposed(ctx context.Context, tx pgx.Tx, found []opposition) error {
	for _, o := range found {
		if err := s.opposed(ctx, tx, *o.point, o.since); err != nil {
			return err
		}
	}
	return nil
}
