-- name: InsertTenant :one
INSERT INTO tenants (tenant_id, name, mode, sandbox_of, locale, time_zone, currency)
VALUES (@tenant_id, @name, @mode, @sandbox_of, @locale, @time_zone, @currency)
RETURNING *;

-- name: GetTenant :one
SELECT * FROM tenants WHERE tenant_id = @tenant_id;

-- name: LockTenant :one
SELECT * FROM tenants WHERE tenant_id = @tenant_id FOR UPDATE;

-- name: UpdateTenant :one
UPDATE tenants
SET name = @name, locale = @locale, time_zone = @time_zone, currency = @currency, technical_contacts = @technical_contacts, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id
RETURNING *;

-- name: InsertDepartment :one
INSERT INTO departments (tenant_id, id, code, name, parent_id)
VALUES (@tenant_id, @id, @code, @name, @parent_id)
ON CONFLICT (tenant_id, code) DO NOTHING
RETURNING *;

-- name: GetDepartment :one
SELECT * FROM departments WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockDepartment :one
SELECT * FROM departments WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: DepartmentIDByCode :one
SELECT id FROM departments WHERE tenant_id = @tenant_id AND code = @code;

-- name: UpdateDepartment :one
UPDATE departments
SET code = @code, name = @name, parent_id = @parent_id, archived_at = @archived_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: LockDepartments :exec
-- Moves within one hierarchy wait for each other, or two of them could close a
-- circle that neither sees.
SELECT pg_advisory_xact_lock(hashtextextended('departments:' || @tenant_id::text, 7321));

-- name: IsDepartmentBelow :one
-- Whether a department is the other one or somewhere below it.
WITH RECURSIVE up AS (
    SELECT d.id, d.parent_id FROM departments d WHERE d.tenant_id = @tenant_id AND d.id = @id
    UNION
    SELECT p.id, p.parent_id FROM departments p JOIN up ON p.id = up.parent_id WHERE p.tenant_id = @tenant_id
)
SELECT EXISTS (SELECT 1 FROM up WHERE up.id = @above::uuid)::boolean;

-- name: HasDepartmentsBelow :one
SELECT EXISTS (SELECT 1 FROM departments WHERE tenant_id = @tenant_id AND parent_id = @id AND archived_at IS NULL)::boolean;

-- name: ListDepartments :many
SELECT * FROM departments
WHERE tenant_id = @tenant_id
  AND (@archived::text = 'true' OR (archived_at IS NOT NULL) = (@archived::text = 'only'))
  AND (sqlc.narg('parent_id')::uuid IS NULL OR parent_id = sqlc.narg('parent_id'))
  AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: InsertUser :one
INSERT INTO users (tenant_id, id, email, name, locale, department_id, issuer, subject, scopes, expires_at)
VALUES (@tenant_id, @id, @email, @name, @locale, @department_id, @issuer, @subject, @scopes, @expires_at)
ON CONFLICT (tenant_id, email) DO NOTHING
RETURNING *;

-- name: GetUser :one
SELECT * FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockUser :one
SELECT * FROM users WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UserIDByEmail :one
SELECT id FROM users WHERE tenant_id = @tenant_id AND email = @email;

-- name: UpdateUser :one
UPDATE users
SET email = @email, name = @name, locale = @locale, department_id = @department_id, status = @status,
    issuer = @issuer, subject = @subject, scopes = @scopes, expires_at = @expires_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListUsers :many
SELECT * FROM users
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
  AND (sqlc.narg('email')::text IS NULL OR email = lower(sqlc.narg('email')))
  AND (sqlc.narg('department_id')::uuid IS NULL OR department_id = sqlc.narg('department_id'))
  AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: InsertAPIKey :one
INSERT INTO api_keys (tenant_id, id, key_id, secret_hash, kind, name, scopes, source, allowed_cidrs, expires_at, rotated_from, created_by_kind, created_by,
                      department_ids, verbs, purposes, readable_classes, writable_classes)
VALUES (@tenant_id, @id, @key_id, @secret_hash, @kind, @name, @scopes, @source, @allowed_cidrs, @expires_at, @rotated_from, @created_by_kind, @created_by,
        @department_ids, sqlc.narg('verbs'), @purposes, sqlc.narg('readable_classes'), sqlc.narg('writable_classes'))
RETURNING *;

-- name: TouchAPIKey :exec
UPDATE api_keys SET last_used_at = @last_used_at WHERE tenant_id = @tenant_id AND id = @id;

-- name: GetAPIKey :one
SELECT * FROM api_keys WHERE tenant_id = @tenant_id AND id = @id;

-- name: GetSuccessorKey :one
-- The key that a rotation made of this one.
SELECT id FROM api_keys WHERE tenant_id = @tenant_id AND rotated_from = @id ORDER BY id DESC LIMIT 1;

-- name: LockAPIKey :one
SELECT * FROM api_keys WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UpdateAPIKey :one
UPDATE api_keys
SET name = @name, scopes = @scopes, source = @source, allowed_cidrs = @allowed_cidrs, expires_at = @expires_at, revoked_at = @revoked_at,
    department_ids = @department_ids, verbs = sqlc.narg('verbs'), purposes = @purposes,
    readable_classes = sqlc.narg('readable_classes'), writable_classes = sqlc.narg('writable_classes'), updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListAPIKeys :many
SELECT * FROM api_keys
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('kind')::text IS NULL OR kind = sqlc.narg('kind'))
  AND (sqlc.narg('status')::text IS NULL
       OR CASE WHEN revoked_at IS NOT NULL THEN 'revoked' WHEN expires_at <= @now::timestamptz THEN 'expired' ELSE 'active' END = sqlc.narg('status'))
  AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: ActiveKeysNamed :many
-- The keys that an operator's rotation replaces.
SELECT * FROM api_keys
WHERE tenant_id = @tenant_id AND name = @name AND revoked_at IS NULL AND scopes @> ARRAY['*']
ORDER BY id
FOR UPDATE;

-- name: InsertOAuthClient :one
INSERT INTO oauth_clients (tenant_id, id, name, secret_hash, jwks, scopes, source, created_by_kind, created_by, allowed_cidrs, expires_at,
                           department_ids, verbs, purposes, readable_classes, writable_classes)
VALUES (@tenant_id, @id, @name, @secret_hash, sqlc.narg('jwks'), @scopes, @source, @created_by_kind, @created_by, @allowed_cidrs, @expires_at,
        @department_ids, sqlc.narg('verbs'), @purposes, sqlc.narg('readable_classes'), sqlc.narg('writable_classes'))
RETURNING *;

-- name: GetOAuthClient :one
SELECT * FROM oauth_clients WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockOAuthClient :one
SELECT * FROM oauth_clients WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: TouchOAuthClient :exec
UPDATE oauth_clients SET last_used_at = @last_used_at WHERE tenant_id = @tenant_id AND id = @id;

-- name: UpdateOAuthClient :one
UPDATE oauth_clients
SET name = @name, secret_hash = @secret_hash, former_secret_hash = @former_secret_hash, former_secret_expires_at = @former_secret_expires_at,
    jwks = sqlc.narg('jwks'), scopes = @scopes, source = @source, revoked_at = @revoked_at, allowed_cidrs = @allowed_cidrs, expires_at = @expires_at,
    department_ids = @department_ids, verbs = sqlc.narg('verbs'), purposes = @purposes,
    readable_classes = sqlc.narg('readable_classes'), writable_classes = sqlc.narg('writable_classes'), updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListOAuthClients :many
SELECT * FROM oauth_clients
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('status')::text IS NULL OR CASE WHEN revoked_at IS NOT NULL THEN 'revoked' ELSE 'active' END = sqlc.narg('status'))
  AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: RevokeToken :exec
INSERT INTO revoked_tokens (tenant_id, jti, expires_at) VALUES (@tenant_id, @jti, @expires_at)
ON CONFLICT (tenant_id, jti) DO NOTHING;

-- name: UseAssertion :execrows
INSERT INTO used_assertions (tenant_id, client_id, jti_hash, expires_at) VALUES (@tenant_id, @client_id, @jti_hash, @expires_at)
ON CONFLICT (tenant_id, client_id, jti_hash) DO NOTHING;

-- name: ForgetRevokedTokens :exec
DELETE FROM revoked_tokens WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: ForgetAssertions :exec
DELETE FROM used_assertions WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: LockSigningKeys :exec
SELECT pg_advisory_xact_lock(hashtextextended('signing_keys', 7321));

-- name: ListSigningKeys :many
SELECT * FROM signing_keys ORDER BY not_before, kid;

-- name: InsertSigningKey :exec
INSERT INTO signing_keys (kid, algorithm, private_key, not_before, not_after) VALUES (@kid, @algorithm, @private_key, @not_before, @not_after);

-- name: ResealSigningKey :execrows
UPDATE signing_keys SET private_key = @private_key WHERE kid = @kid AND private_key = @formerly;

-- name: ForgetSigningKeys :exec
DELETE FROM signing_keys WHERE not_after < @before;

-- name: DepartmentsBelow :many
-- Departments and all below them.
WITH RECURSIVE tree AS (
    SELECT d.id FROM departments d WHERE d.tenant_id = @tenant_id AND d.id = ANY(@ids::uuid[])
    UNION
    SELECT d.id FROM departments d JOIN tree t ON d.parent_id = t.id WHERE d.tenant_id = @tenant_id
)
SELECT d.id, d.code FROM departments d JOIN tree t ON t.id = d.id WHERE d.tenant_id = @tenant_id ORDER BY d.id;

-- name: ListHeldRoles :many
-- The roles that a user has at an instant, alone or through a team. One whose
-- review was due before lapsed does not count.
SELECT a.id, a.principal_kind, a.principal_id, a.role_id, a.department_id, a.kind, a.starts_at, a.expires_at, a.review_due_at, r.code, r.scopes, r.verbs, r.readable_classes, r.writable_classes
FROM role_assignments a
JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
WHERE a.tenant_id = @tenant_id AND a.status = 'approved' AND r.archived_at IS NULL
  AND a.starts_at <= @now AND (a.expires_at IS NULL OR a.expires_at > @now)
  AND (a.review_due_at IS NULL OR a.review_due_at > @lapsed::timestamptz)
  AND a.principal_id IN (
      SELECT @user_id::uuid
      UNION ALL
      SELECT m.team_id FROM team_members m JOIN teams t ON t.tenant_id = m.tenant_id AND t.id = m.team_id
      WHERE m.tenant_id = @tenant_id AND m.user_id = @user_id AND t.archived_at IS NULL)
ORDER BY a.id;

-- name: ListTeamsOf :many
SELECT m.team_id FROM team_members m JOIN teams t ON t.tenant_id = m.tenant_id AND t.id = m.team_id
WHERE m.tenant_id = @tenant_id AND m.user_id = @user_id AND t.archived_at IS NULL
ORDER BY m.team_id;

-- name: SessionStands :one
-- Until when a session of a user stands, no row if it has ended or if the
-- provider that vouched is trusted no more. With it, for whom a second factor
-- is asked for.
SELECT s.expires_at, s.methods, s.provider_id, coalesce(p.mfa_roles, '{}')::text[] AS mfa_roles, coalesce(p.mfa_scopes, '{}')::text[] AS mfa_scopes
FROM account_sessions s LEFT JOIN account_policies p ON p.tenant_id = s.tenant_id
WHERE s.tenant_id = @tenant_id AND s.id = @id AND s.user_id = @user_id AND s.ended_at IS NULL
  AND (s.provider_id IS NULL OR EXISTS (SELECT 1 FROM identity_providers i WHERE i.tenant_id = s.tenant_id AND i.id = s.provider_id AND i.is_enabled));

-- name: SecondFactorPolicy :one
-- For whom a second factor is asked for; no row while nobody has said.
SELECT mfa_roles, mfa_scopes FROM account_policies WHERE tenant_id = @tenant_id;

-- name: DepartmentsInUse :many
SELECT id FROM departments WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND archived_at IS NULL;

-- name: PurposesInUse :many
SELECT code FROM purposes WHERE tenant_id = @tenant_id AND code = ANY(@codes::text[]) AND archived_at IS NULL;

-- name: CountOwnedContacts :one
SELECT count(*)::bigint FROM contacts WHERE tenant_id = @tenant_id AND owner_id = @user_id::uuid;

-- name: ListMadeKeys :many
SELECT id FROM api_keys WHERE tenant_id = @tenant_id AND created_by_kind = 'user' AND created_by = @user_id::text AND revoked_at IS NULL ORDER BY id LIMIT 200;

-- name: ListMadeClients :many
SELECT id FROM oauth_clients WHERE tenant_id = @tenant_id AND created_by_kind = 'user' AND created_by = @user_id::text AND revoked_at IS NULL ORDER BY id LIMIT 200;

-- name: ListOwnAssignments :many
SELECT id FROM role_assignments WHERE tenant_id = @tenant_id AND principal_kind = 'user' AND principal_id = @user_id AND status IN ('requested', 'approved')
  AND (expires_at IS NULL OR expires_at > @now) ORDER BY id LIMIT 200;

-- name: ListLockedGuesses :many
SELECT subject, locked_until FROM credential_guesses WHERE locked_until > @now ORDER BY locked_until DESC LIMIT 100000;

-- name: HasProved :one
SELECT EXISTS (SELECT 1 FROM credential_guesses WHERE subject = @subject AND proved_at > @since)::boolean;

-- name: NoteProof :exec
INSERT INTO credential_guesses (subject, last_at, proved_at) VALUES (@subject, @at, @at)
ON CONFLICT (subject) DO UPDATE SET failures = 0, locked_until = NULL, last_at = @at, proved_at = @at;

-- name: ForgetGuesses :exec
DELETE FROM credential_guesses WHERE last_at < @before;
