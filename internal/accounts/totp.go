package accounts

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // HMAC-SHA-1 is what authenticator programs compute (RFC 6238 §1.2)
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/parvis-crm/parvis/internal/accounts/internal/accountsdb"
	"github.com/parvis-crm/parvis/internal/events"
	"github.com/parvis-crm/parvis/internal/fault"
	"github.com/parvis-crm/parvis/internal/pg"
	"github.com/parvis-crm/parvis/internal/vault"
)

const (
	totpSize   = 20 // bytes, as RFC 4226 §4 recommends
	totpStep   = 30 // seconds
	totpDigits = 6
	// totpDrift is how many steps a device's clock may be off.
	totpDrift = 1

	recoveryCodes = 10
	// recoveryCodeBytes are 120 bits, which nobody tries out, so that what is kept of
	// a code needs to be no slow hash.
	recoveryCodeBytes = 15
)

// TOTPSecrets describes where the secrets are sealed.
func TOTPSecrets() vault.Column {
	return vault.Column{Table: "account_totps", Column: "secret", Key: "user_id", KeyType: "uuid"}
}

// code is the one-time password of a time step (RFC 6238 §4, RFC 4226 §5.3).
func code(secret []byte, step int64) string {
	m := hmac.New(sha1.New, secret)
	var counter [8]byte
	binary.BigEndian.PutUint64(counter[:], uint64(step))
	m.Write(counter[:])
	sum := m.Sum(nil)
	offset := sum[len(sum)-1] & 0x0f
	value := binary.BigEndian.Uint32(sum[offset:offset+4]) & 0x7fffffff
	return fmt.Sprintf("%0*d", totpDigits, value%1_000_000)
}

// matchingStep is the step whose code was given, near an instant.
func matchingStep(secret []byte, given string, at time.Time) (int64, bool) {
	now := at.Unix() / totpStep
	found, ok := int64(0), false
	for step := now - totpDrift; step <= now+totpDrift; step++ {
		if subtle.ConstantTimeCompare([]byte(code(secret, step)), []byte(given)) == 1 {
			found, ok = step, true
		}
	}
	return found, ok
}

// Enrolment is a secret shown once, for the person's device.
type Enrolment struct{ Secret, URI string }

// SecondFactor is what a user has besides the password.
type SecondFactor struct {
	Status      string // none, pending, confirmed
	ConfirmedAt *time.Time
	CodesLeft   int
}

// SecondFactorOf tells the user who asks what they have.
func (s *Service) SecondFactorOf(ctx context.Context) (SecondFactor, error) {
	actor, user, err := person(ctx)
	if err != nil {
		return SecondFactor{}, err
	}
	db := s.db.Tenant(actor.Tenant)
	row, err := s.q.GetTOTP(ctx, db, actor.Tenant, user)
	if pg.IsNoRows(err) {
		return SecondFactor{Status: "none"}, nil
	}
	if err != nil {
		return SecondFactor{}, err
	}
	left, err := s.q.CountRecoveryCodes(ctx, db, actor.Tenant, user)
	out := SecondFactor{Status: "pending", ConfirmedAt: row.ConfirmedAt, CodesLeft: int(left)}
	if row.ConfirmedAt != nil {
		out.Status = "confirmed"
	}
	return out, err
}

// proved asks the user who is signed in for the password once more, counting
// like an attempt to sign in.
func (s *Service) proved(ctx context.Context, tenant, user uuid.UUID, password string) (accountsdb.AccountByIDRow, error) {
	account, err := s.q.AccountByID(ctx, s.db.Tenant(tenant), tenant, user)
	if err != nil {
		return account, err
	}
	a := s.attemptBy(ctx, tenant, account.Email)
	if err := s.charge(ctx, a); err != nil {
		return account, err
	}
	ok, _, err := s.hasher.verify(ctx, password, account.PasswordHash)
	if err != nil {
		return account, err
	}
	if !ok {
		if err := s.failed(ctx, a, &user, account.Email, "pwd"); err != nil {
			return account, err
		}
		return account, fault.Invalid().At("#/current_password", "password-wrong")
	}
	return account, pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error { return s.forgive(ctx, tx, a) })
}

// BeginTOTP makes a secret for the user who asks. It counts once a code of it
// was shown.
func (s *Service) BeginTOTP(ctx context.Context, password string) (Enrolment, error) {
	actor, user, err := person(ctx)
	if err != nil {
		return Enrolment{}, err
	}
	account, err := s.proved(ctx, actor.Tenant, user, password)
	if err != nil {
		return Enrolment{}, err
	}
	institution, err := s.q.GetInstitution(ctx, s.db.Tenant(actor.Tenant), actor.Tenant)
	if err != nil {
		return Enrolment{}, err
	}
	secret := make([]byte, totpSize)
	_, _ = rand.Read(secret) // never fails since Go 1.24: it ends the program instead
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		sealed, err := s.totps.Seal(ctx, tx, actor.Tenant, user.String(), secret)
		if err != nil {
			return err
		}
		n, err := s.q.BeginTOTP(ctx, tx, accountsdb.BeginTOTPParams{TenantID: actor.Tenant, UserID: user, Secret: sealed, CreatedAt: s.clock.Now()})
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "second-factor-exists")
		}
		return err
	})
	if err != nil {
		return Enrolment{}, err
	}
	text := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(secret)
	label := url.PathEscape(institution.Name + ":" + account.Email)
	return Enrolment{Secret: text, URI: "otpauth://totp/" + label + "?secret=" + text + "&issuer=" + url.QueryEscape(institution.Name)}, nil
}

// ConfirmTOTP makes the second factor count, and gives the recovery codes,
// which are shown this once.
func (s *Service) ConfirmTOTP(ctx context.Context, given string) ([]string, error) {
	actor, user, err := person(ctx)
	if err != nil {
		return nil, err
	}
	a := s.attemptBy(ctx, actor.Tenant, "second factor of "+user.String())
	if err := s.charge(ctx, a); err != nil {
		return nil, err
	}
	var codes []string
	wrong := false
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		ok, err := s.checkTOTP(ctx, tx, actor.Tenant, user, given, false)
		if pg.IsNoRows(err) {
			return fault.New(fault.Conflict, "second-factor-missing")
		}
		if err != nil || !ok {
			wrong = !ok
			return err
		}
		n, err := s.q.ConfirmTOTP(ctx, tx, s.clock.Now(), actor.Tenant, user)
		if err != nil {
			return err
		}
		if n == 0 {
			return fault.New(fault.Conflict, "second-factor-exists")
		}
		if err := s.forgive(ctx, tx, a); err != nil {
			return err
		}
		if codes, err = s.renewCodes(ctx, tx, actor.Tenant, user); err != nil {
			return err
		}
		if err := s.strengthen(ctx, tx, actor.Tenant, actor.Session); err != nil {
			return err
		}
		return recordFactor(ctx, tx, "second_factor.enrolled", user, nil)
	})
	if err == nil && wrong {
		if err := s.failed(ctx, a, &user, "", "otp"); err != nil {
			return nil, err
		}
		return nil, fault.Invalid().At("#/code", "code-wrong")
	}
	s.access.Forget(actor.Tenant)
	return codes, err
}

// strengthen notes that the session in use has shown the second factor.
func (s *Service) strengthen(ctx context.Context, tx pgx.Tx, tenant, session uuid.UUID) error {
	row, err := s.q.LockSession(ctx, tx, tenant, session)
	if err != nil {
		return err
	}
	return s.q.StrengthenSession(ctx, tx, withSecond(row.Methods, "otp"), tenant, session)
}

func recordFactor(ctx context.Context, tx pgx.Tx, kind string, user uuid.UUID, facts map[string]any) error {
	return events.RecordTx(ctx, tx, events.Entry{Type: kind, Subject: events.Subject{Kind: "second_factor", ID: user, Version: 1}, Facts: facts})
}

// checkTOTP takes a code once. With confirmed, only a factor that counts is asked.
func (s *Service) checkTOTP(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, given string, confirmed bool) (bool, error) {
	row, err := s.q.GetTOTP(ctx, tx, tenant, user)
	if err != nil {
		return false, err
	}
	if confirmed && row.ConfirmedAt == nil {
		return false, nil
	}
	secret, err := s.totps.Open(ctx, tx, tenant, user.String(), row.Secret)
	if err != nil {
		return false, err
	}
	step, ok := matchingStep(secret, given, s.clock.Now())
	if !ok {
		return false, nil
	}
	n, err := s.q.UseStep(ctx, tx, step, tenant, user)
	return n == 1, err
}

// renewCodes replaces the recovery codes and returns the new ones.
func (s *Service) renewCodes(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID) ([]string, error) {
	if err := s.q.DeleteRecoveryCodes(ctx, tx, tenant, user); err != nil {
		return nil, err
	}
	codes, hashes := make([]string, recoveryCodes), make([][]byte, recoveryCodes)
	for i := range codes {
		raw := make([]byte, recoveryCodeBytes)
		_, _ = rand.Read(raw) // never fails since Go 1.24: it ends the program instead
		text := strings.ToLower(base32.StdEncoding.EncodeToString(raw))
		var groups []string
		for group := range slices.Chunk([]byte(text), 4) {
			groups = append(groups, string(group))
		}
		codes[i] = strings.Join(groups, "-")
		hashes[i] = s.recoveryHash(tenant, user, codes[i])
	}
	return codes, s.q.InsertRecoveryCodes(ctx, tx, tenant, user, hashes)
}

func (s *Service) recoveryHash(tenant, user uuid.UUID, given string) []byte {
	plain := strings.ToLower(strings.NewReplacer("-", "", " ", "").Replace(given))
	return s.mac("recovery", tenant.String(), user.String(), plain)
}

// RenewRecoveryCodes gives the user who asks new codes in place of the old ones.
func (s *Service) RenewRecoveryCodes(ctx context.Context, password string) ([]string, error) {
	actor, user, err := person(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.proved(ctx, actor.Tenant, user, password); err != nil {
		return nil, err
	}
	return pg.InTxValue(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) ([]string, error) {
		row, err := s.q.GetTOTP(ctx, tx, actor.Tenant, user)
		if pg.IsNoRows(err) || (err == nil && row.ConfirmedAt == nil) {
			return nil, fault.New(fault.Conflict, "second-factor-missing")
		}
		if err != nil {
			return nil, err
		}
		codes, err := s.renewCodes(ctx, tx, actor.Tenant, user)
		if err != nil {
			return nil, err
		}
		return codes, recordFactor(ctx, tx, "second_factor.codes_renewed", user, nil)
	})
}

// DisableTOTP takes the second factor of the user who asks away, who has shown
// both once more.
func (s *Service) DisableTOTP(ctx context.Context, password, given string) error {
	actor, user, err := person(ctx)
	if err != nil {
		return err
	}
	if _, err := s.proved(ctx, actor.Tenant, user, password); err != nil {
		return err
	}
	a := s.attemptBy(ctx, actor.Tenant, "second factor of "+user.String())
	if err := s.charge(ctx, a); err != nil {
		return err
	}
	shown := ""
	err = pg.InTx(ctx, s.db, actor.Tenant, func(ctx context.Context, tx pgx.Tx) error {
		if shown, err = s.second(ctx, tx, actor.Tenant, user, given); err != nil || shown == "" {
			return err
		}
		if err := s.forgive(ctx, tx, a); err != nil {
			return err
		}
		return s.removeFactor(ctx, tx, actor.Tenant, user, "user")
	})
	if err == nil && shown == "" {
		if err := s.failed(ctx, a, &user, "", "otp"); err != nil {
			return err
		}
		return fault.Invalid().At("#/code", "code-wrong")
	}
	s.access.Forget(actor.Tenant)
	return err
}

func (s *Service) removeFactor(ctx context.Context, tx pgx.Tx, tenant, user uuid.UUID, by string) error {
	n, err := s.q.DeleteTOTP(ctx, tx, tenant, user)
	if err != nil || n == 0 {
		return err
	}
	if err := s.q.DeleteRecoveryCodes(ctx, tx, tenant, user); err != nil {
		return err
	}
	return recordFactor(ctx, tx, "second_factor.removed", user, map[string]any{"by": by})
}

// ResetSecondFactor takes the second factor of a user away who has lost it, and
// ends the user's sessions.
func (s *Service) ResetSecondFactor(ctx context.Context, tenant, user uuid.UUID) error {
	err := pg.InTx(ctx, s.db, tenant, func(ctx context.Context, tx pgx.Tx) error {
		// A password alone would open what somebody with more rights holds.
		if _, err := s.access.LockTouchableTx(ctx, tx, user); err != nil {
			return err
		}
		if err := s.q.DeleteChallengesOf(ctx, tx, tenant, user); err != nil {
			return err
		}
		if _, err := s.endAllTx(ctx, tx, tenant, user, nil, factorChanged); err != nil {
			return err
		}
		return s.removeFactor(ctx, tx, tenant, user, "administrator")
	})
	s.access.Forget(tenant)
	return err
}
