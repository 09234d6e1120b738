package transfers

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"filippo.io/age"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/transfers/archive"
)

// Sensitive facts leave only towards somebody who is named by a public key (age,
// X25519): each is opened here and encrypted for that key alone, and arrives
// where the private key is given. The archive itself stays readable without it,
// and says how many facts are in it or were left out.

// Sensitive is what an import asks of the domain of these facts.
type Sensitive interface {
	ArriveTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID, open func(sealed []byte) ([]byte, error)) (int64, error)
	LeaveTx(ctx context.Context, tx pgx.Tx, tenant uuid.UUID) (int64, error)
}

const sensitiveTable = "sensitive_facts"

// readable are the facts whose person's key is still there.
const readable = `exists (select from vault_keys k where k.tenant_id = sensitive_facts.tenant_id and k.id = sensitive_facts.contact_id and k.sealed is not null)`

// Recipient reads the public key of whom sensitive facts are for; nil for none.
func Recipient(text string) (*age.X25519Recipient, error) {
	if text == "" {
		return nil, nil
	}
	r, err := age.ParseX25519Recipient(text)
	if err != nil {
		return nil, fault.Invalid().At("#/sensitive_recipient", "recipient-invalid")
	}
	return r, nil
}

// forRecipient encrypts the content of a fact for the recipient.
func (s *snapshot) forRecipient(ctx context.Context, m member, values [][]byte) ([]byte, error) {
	fact, err := uuid.FromBytes(values[m.row])
	if err != nil {
		return nil, err
	}
	person, err := uuid.FromBytes(values[m.person])
	if err != nil {
		return nil, err
	}
	// The transaction is at reading rows.
	subject, err := s.engine.Vault.KnownSubject(pg.Detached(ctx), s.engine.DB.Tenant(s.order.Tenant), s.order.Tenant, person)
	if err != nil {
		return nil, err
	}
	defer subject.Close()
	plain, err := subject.Open(sensitiveTable, "sealed", fact.String(), values[m.value])
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	var out bytes.Buffer
	w, err := age.Encrypt(&out, s.recipient)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// countSensitive says in the manifest how many facts there are, and for whom.
func (s *snapshot) countSensitive(ctx context.Context) error {
	m := archive.Sensitive{Recipient: s.order.SensitiveFor}
	err := s.tx.QueryRow(ctx, "select count(*) filter (where "+readable+"), count(*) filter (where not "+readable+") from sensitive_facts where tenant_id = $1", s.order.Tenant).
		Scan(&m.Included, &m.Destroyed)
	if s.recipient == nil {
		m.Included, m.LeftOut = 0, m.Included
	}
	s.manifest.Sensitive = m
	return err
}

// arriveSensitive brings the facts of an archive under the keys of their persons,
// or takes them away where no private key was given, and says of how many.
func (e *Engine) arriveSensitive(ctx context.Context, tx pgx.Tx, in Import, out *Imported) (err error) {
	if in.Identity == nil {
		out.SensitiveLeft, err = e.Sensitive.LeaveTx(ctx, tx, out.Tenant)
		return err
	}
	out.Sensitive, err = e.Sensitive.ArriveTx(ctx, tx, out.Tenant, func(sealed []byte) ([]byte, error) {
		r, err := age.Decrypt(bytes.NewReader(sealed), in.Identity)
		if err != nil {
			return nil, fault.New(fault.Refused, "archive-key-wrong").Because(err)
		}
		plain, err := io.ReadAll(io.LimitReader(r, 1<<20))
		if err != nil {
			return nil, fmt.Errorf("transfers: a sensitive fact cannot be read: %w", err)
		}
		return plain, nil
	})
	return err
}
