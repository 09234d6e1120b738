-- name: ResolveProviders :many
SELECT tenant_id::uuid AS tenant_id, id::uuid AS id, audience::text AS audience, coalesce(tenant_claim, '')::text AS tenant_claim, coalesce(tenant_value, '')::text AS tenant_value
FROM resolve_identity_providers(@issuer);

-- name: IsAmbiguous :one
SELECT identity_provider_is_ambiguous(@own::uuid, @issuer::text, @audience::text, @tenant_claim::text, @tenant_value::text)::boolean;

-- name: LockIssuer :exec
-- Institutions that begin to trust one issuer wait for each other, or neither
-- would see that they cannot be told apart.
SELECT pg_advisory_xact_lock(hashtextextended('issuer:' || @issuer::text, 7325));

-- name: InsertProvider :one
INSERT INTO identity_providers (tenant_id, id, name, issuer, audience, jwks_uri, allowed_algs, token_types, accepts_id_tokens, tenant_claim, tenant_value,
                                required_claims, email_claim, name_claim, role_claim, role_mapping, provision, is_enabled, protocol, accepts_bearer_tokens,
                                strong_acr, strong_amr)
VALUES (@tenant_id, @id, @name, @issuer, @audience, @jwks_uri, @allowed_algs, @token_types, @accepts_id_tokens, @tenant_claim, @tenant_value,
        @required_claims, @email_claim, @name_claim, @role_claim, @role_mapping, @provision, @is_enabled, @protocol, @accepts_bearer_tokens,
        @strong_acr, @strong_amr)
RETURNING *;

-- name: GetProvider :one
SELECT * FROM identity_providers WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockProvider :one
SELECT * FROM identity_providers WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: ListProviders :many
SELECT * FROM identity_providers
WHERE tenant_id = @tenant_id AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: UpdateProvider :one
UPDATE identity_providers
SET name = @name, issuer = @issuer, audience = @audience, jwks_uri = @jwks_uri, allowed_algs = @allowed_algs, token_types = @token_types,
    accepts_id_tokens = @accepts_id_tokens, tenant_claim = @tenant_claim, tenant_value = @tenant_value, required_claims = @required_claims,
    email_claim = @email_claim, name_claim = @name_claim, role_claim = @role_claim, role_mapping = @role_mapping, provision = @provision,
    is_enabled = @is_enabled, accepts_bearer_tokens = @accepts_bearer_tokens, strong_acr = @strong_acr, strong_amr = @strong_amr, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: UserOfIdentity :one
SELECT u.id, coalesce(s.last_issued, 'epoch')::timestamptz AS last_issued, coalesce(s.roles_digest, '')::bytea AS roles_digest
FROM users u LEFT JOIN identity_provider_users s ON s.tenant_id = u.tenant_id AND s.user_id = u.id AND s.provider_id = @provider_id
WHERE u.tenant_id = @tenant_id AND u.id = coalesce(
    (SELECT o.id FROM users o WHERE o.tenant_id = @tenant_id AND o.issuer = @issuer::text AND o.subject = @subject::text),
    (SELECT l.user_id FROM identity_links l WHERE l.tenant_id = @tenant_id AND l.issuer = @issuer::text AND l.subject = @subject::text));

-- name: IdentityTaken :one
SELECT EXISTS (SELECT 1 FROM users WHERE tenant_id = @tenant_id AND issuer = @issuer::text AND subject = @subject::text)::boolean;

-- name: InsertIdentity :one
INSERT INTO identity_links (tenant_id, id, user_id, issuer, subject)
VALUES (@tenant_id, @id, @user_id, @issuer, @subject)
RETURNING *;

-- name: ListIdentities :many
SELECT * FROM identity_links
WHERE tenant_id = @tenant_id AND user_id = @user_id AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: DeleteIdentity :one
DELETE FROM identity_links WHERE tenant_id = @tenant_id AND id = @id AND user_id = @user_id
RETURNING *;

-- name: IssuerTrusted :one
SELECT EXISTS (SELECT 1 FROM identity_providers WHERE tenant_id = @tenant_id AND issuer = @issuer::text)::boolean;

-- name: SeeToken :execrows
-- One row if the token is younger than what was seen.
INSERT INTO identity_provider_users AS s (tenant_id, provider_id, user_id, last_issued, roles_digest)
VALUES (@tenant_id, @provider_id, @user_id, @last_issued, @roles_digest)
ON CONFLICT (tenant_id, provider_id, user_id) DO UPDATE
SET last_issued = excluded.last_issued, roles_digest = excluded.roles_digest
WHERE s.last_issued < excluded.last_issued;

-- name: RolesByCode :many
SELECT id, code FROM roles WHERE tenant_id = @tenant_id AND code = ANY(@codes::text[]) AND archived_at IS NULL;

-- name: KnownDepartments :many
SELECT id FROM departments WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND archived_at IS NULL;
