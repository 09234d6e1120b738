-- name: ResolveInstitution :one
SELECT tenant_id::uuid AS tenant_id, mode::text AS mode FROM resolve_institution(@institution_id);

-- name: ResolveLink :one
SELECT tenant_id::uuid AS tenant_id, link_id::uuid AS link_id FROM resolve_account_link(@link_hash);

-- name: ResolveRefreshToken :one
SELECT tenant_id::uuid AS tenant_id, session_id::uuid AS session_id FROM resolve_refresh_token(@token_hash);

-- name: GetInstitution :one
SELECT name, locale, mode, status FROM tenants WHERE tenant_id = @tenant_id;

-- name: AccountByEmail :one
-- One row where there is such a user with a password.
SELECT u.id, u.status, u.issuer, u.name, u.locale, p.password_hash
FROM users u JOIN account_passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
WHERE u.tenant_id = @tenant_id AND u.email = @email;

-- name: AccountByID :one
SELECT u.id, u.email, u.status, u.issuer, u.name, u.locale, coalesce(p.password_hash, '')::text AS password_hash
FROM users u LEFT JOIN account_passwords p ON p.tenant_id = u.tenant_id AND p.user_id = u.id
WHERE u.tenant_id = @tenant_id AND u.id = @id;

-- name: ProviderEnabled :one
SELECT coalesce((SELECT is_enabled FROM identity_providers WHERE tenant_id = @tenant_id AND id = @id), false)::boolean;

-- name: UserToInvite :one
SELECT id, email, name, locale, status, issuer, version FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: UserToReset :one
SELECT id, email, name, locale, status, issuer, version FROM users WHERE tenant_id = @tenant_id AND email = @email;

-- name: SetPassword :one
INSERT INTO account_passwords (tenant_id, user_id, password_hash, set_at)
VALUES (@tenant_id, @user_id, @password_hash, @set_at)
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET password_hash = excluded.password_hash, set_at = excluded.set_at, version = account_passwords.version + 1
RETURNING version;

-- name: RenewHash :exec
-- The same password with the parameters of today, unless it was changed meanwhile.
UPDATE account_passwords SET password_hash = @password_hash WHERE tenant_id = @tenant_id AND user_id = @user_id AND password_hash = @former_hash;

-- name: InsertLink :one
INSERT INTO account_links (tenant_id, id, user_id, kind, link_hash, email, created_at, expires_at)
VALUES (@tenant_id, @id, @user_id, @kind, @link_hash, @email, @created_at, @expires_at)
RETURNING *;

-- name: GetLink :one
SELECT l.*, u.status AS user_status, u.issuer AS user_issuer, u.email AS user_email, u.name AS user_name, u.locale AS user_locale, t.name AS institution
FROM account_links l
JOIN users u ON u.tenant_id = l.tenant_id AND u.id = l.user_id
JOIN tenants t ON t.tenant_id = l.tenant_id
WHERE l.tenant_id = @tenant_id AND l.id = @id;

-- name: UseLink :execrows
UPDATE account_links SET used_at = @used_at::timestamptz WHERE tenant_id = @tenant_id AND id = @id AND used_at IS NULL AND expires_at > @used_at::timestamptz;

-- name: UseOtherLinks :exec
-- Setting a password makes every other link of the user of no use.
UPDATE account_links SET used_at = @used_at WHERE tenant_id = @tenant_id AND user_id = @user_id AND used_at IS NULL;

-- name: DeleteEndedLinks :exec
DELETE FROM account_links WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: LockText :exec
SELECT pg_advisory_xact_lock(hashtextextended( @name::text , 7324));

-- name: CountRequests :one
SELECT count(*) FROM account_requests WHERE tenant_id = @tenant_id AND email_hash = @email_hash AND requested_at > @since;

-- name: InsertRequest :exec
INSERT INTO account_requests (tenant_id, id, email, email_hash, language, requested_at)
VALUES (@tenant_id, @id, @email, @email_hash, @language, @requested_at);

-- name: LockRequests :many
SELECT id, email, language FROM account_requests
WHERE tenant_id = @tenant_id AND email IS NOT NULL
ORDER BY requested_at LIMIT 20 FOR UPDATE SKIP LOCKED;

-- name: SettleRequest :exec
UPDATE account_requests SET email = NULL WHERE tenant_id = @tenant_id AND id = @id;

-- name: DeleteRequests :exec
DELETE FROM account_requests WHERE tenant_id = @tenant_id AND requested_at < @before AND email IS NULL;

-- name: ChargeAttempt :one
-- Counts one attempt, unless the subject is locked now; failures long ago are
-- forgotten.
INSERT INTO account_attempts AS a (tenant_id, kind, subject_hash, failures, last_at)
VALUES (@tenant_id, @kind, @subject_hash, 1, @at::timestamptz)
ON CONFLICT (tenant_id, kind, subject_hash) DO UPDATE
SET failures = CASE WHEN a.locked_until > @at::timestamptz THEN a.failures
                    WHEN a.last_at < @forgotten_before::timestamptz THEN 1
                    ELSE a.failures + 1 END,
    last_at = CASE WHEN a.locked_until > @at::timestamptz THEN a.last_at ELSE @at::timestamptz END
RETURNING failures, locked_until;

-- name: LockSubject :exec
UPDATE account_attempts SET locked_until = @locked_until WHERE tenant_id = @tenant_id AND kind = @kind AND subject_hash = @subject_hash;

-- name: ForgiveAccount :exec
DELETE FROM account_attempts WHERE tenant_id = @tenant_id AND kind = 'account' AND subject_hash = @subject_hash;

-- name: ForgiveAddress :exec
-- A success takes back what it was charged, and nothing of what others failed.
UPDATE account_attempts SET failures = greatest(failures - 1, 0), locked_until = NULL
WHERE tenant_id = @tenant_id AND kind = 'address' AND subject_hash = @subject_hash;

-- name: DeleteAttempts :exec
DELETE FROM account_attempts WHERE tenant_id = @tenant_id AND last_at < @before AND (locked_until IS NULL OR locked_until < @before);

-- name: InsertSession :one
INSERT INTO account_sessions (tenant_id, id, user_id, methods, provider_id, id_token, user_agent, address, created_at, used_at, idle_until, expires_at)
VALUES (@tenant_id, @id, @user_id, @methods, @provider_id, @id_token, @user_agent, @address, @created_at, @created_at, @idle_until, @expires_at)
RETURNING *;

-- name: LockSession :one
SELECT * FROM account_sessions WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: GetSession :one
SELECT * FROM account_sessions WHERE tenant_id = @tenant_id AND id = @id;

-- name: UseSession :one
UPDATE account_sessions SET used_at = @used_at, idle_until = @idle_until, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListSessions :many
-- Sessions that stand.
SELECT * FROM account_sessions
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at IS NULL AND idle_until > @now
  AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: EndSession :one
UPDATE account_sessions SET id_token = NULL, ended_at = @ended_at::timestamptz, end_reason = @end_reason::text, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND ended_at IS NULL
RETURNING *;

-- name: EndSessions :many
UPDATE account_sessions SET id_token = NULL, ended_at = @ended_at::timestamptz, end_reason = @end_reason::text, version = version + 1
WHERE tenant_id = @tenant_id AND user_id = @user_id AND ended_at IS NULL AND id IS DISTINCT FROM sqlc.narg('but')::uuid
RETURNING *;

-- name: DeleteOldSessions :exec
DELETE FROM account_sessions WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: InsertRefresh :exec
INSERT INTO account_refreshes (tenant_id, session_id, token_hash, issued_at)
VALUES (@tenant_id, @session_id, @token_hash, @issued_at)
ON CONFLICT (tenant_id, token_hash) DO NOTHING;

-- name: GetRefresh :one
SELECT r.*, coalesce(s.replaced_at IS NOT NULL, false)::boolean AS successor_used
FROM account_refreshes r
LEFT JOIN account_refreshes s ON s.tenant_id = r.tenant_id AND s.token_hash = r.successor_hash
WHERE r.tenant_id = @tenant_id AND r.token_hash = @token_hash;

-- name: ReplaceRefresh :exec
UPDATE account_refreshes SET replaced_at = @replaced_at::timestamptz, successor_hash = @successor_hash::bytea
WHERE tenant_id = @tenant_id AND token_hash = @token_hash;

-- name: ResolveChallenge :one
SELECT tenant_id::uuid AS tenant_id FROM resolve_account_challenge(@challenge_hash);

-- name: GetTOTP :one
SELECT * FROM account_totps WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: BeginTOTP :execrows
-- A secret that was never confirmed gives way to another; a confirmed one does not.
INSERT INTO account_totps (tenant_id, user_id, secret, created_at)
VALUES (@tenant_id, @user_id, @secret, @created_at)
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET secret = excluded.secret, created_at = excluded.created_at, version = account_totps.version + 1
WHERE account_totps.confirmed_at IS NULL;

-- name: ConfirmTOTP :execrows
UPDATE account_totps SET confirmed_at = @confirmed_at::timestamptz, version = version + 1
WHERE tenant_id = @tenant_id AND user_id = @user_id AND confirmed_at IS NULL;

-- name: UseStep :execrows
-- Of two requests with one code, one changes the row.
UPDATE account_totps SET last_step = @step WHERE tenant_id = @tenant_id AND user_id = @user_id AND last_step < @step;

-- name: DeleteTOTP :execrows
DELETE FROM account_totps WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: InsertRecoveryCodes :exec
INSERT INTO account_recovery_codes (tenant_id, user_id, code_hash)
SELECT @tenant_id, @user_id, unnest(@hashes::bytea[]);

-- name: DeleteRecoveryCodes :exec
DELETE FROM account_recovery_codes WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: UseRecoveryCode :execrows
UPDATE account_recovery_codes SET used_at = @used_at::timestamptz
WHERE tenant_id = @tenant_id AND user_id = @user_id AND code_hash = @code_hash AND used_at IS NULL;

-- name: CountRecoveryCodes :one
SELECT count(*) FROM account_recovery_codes WHERE tenant_id = @tenant_id AND user_id = @user_id AND used_at IS NULL;

-- name: InsertChallenge :exec
INSERT INTO account_challenges (tenant_id, challenge_hash, user_id, created_at, expires_at)
VALUES (@tenant_id, @challenge_hash, @user_id, @created_at, @expires_at);

-- name: GetChallenge :one
SELECT c.user_id, c.created_at, c.expires_at, u.email, u.status FROM account_challenges c
JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.user_id
WHERE c.tenant_id = @tenant_id AND c.challenge_hash = @challenge_hash;

-- name: UseChallenge :execrows
DELETE FROM account_challenges WHERE tenant_id = @tenant_id AND challenge_hash = @challenge_hash;

-- name: DeleteChallenges :exec
DELETE FROM account_challenges WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: DeleteChallengesOf :exec
DELETE FROM account_challenges WHERE tenant_id = @tenant_id AND user_id = @user_id;

-- name: StrengthenSession :exec
UPDATE account_sessions SET methods = @methods, version = version + 1 WHERE tenant_id = @tenant_id AND id = @id;

-- name: GetPolicy :one
SELECT * FROM account_policies WHERE tenant_id = @tenant_id;

-- name: EnsurePolicy :exec
INSERT INTO account_policies (tenant_id) VALUES (@tenant_id) ON CONFLICT (tenant_id) DO NOTHING;

-- name: LockPolicy :one
SELECT * FROM account_policies WHERE tenant_id = @tenant_id FOR UPDATE;

-- name: UpdatePolicy :one
UPDATE account_policies SET mfa_roles = @mfa_roles, mfa_scopes = @mfa_scopes, return_addresses = @return_addresses, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id
RETURNING *;

-- name: UnknownRoles :many
SELECT c::text AS code FROM unnest(@codes::text[]) AS c
WHERE NOT EXISTS (SELECT 1 FROM roles r WHERE r.tenant_id = @tenant_id AND r.code = c);
