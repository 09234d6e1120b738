-- name: CredentialKind :one
SELECT 'api_key'::text AS kind FROM api_keys k WHERE k.tenant_id = @tenant_id AND k.id = @id
UNION ALL
SELECT 'oauth_client' FROM oauth_clients c WHERE c.tenant_id = @tenant_id AND c.id = @id
UNION ALL
SELECT 'user' FROM users u WHERE u.tenant_id = @tenant_id AND u.id = @id
LIMIT 1;

-- name: EnsureQuota :exec
INSERT INTO quotas (tenant_id, credential_id, credential_kind, version) VALUES (@tenant_id, @credential_id, @credential_kind, 0)
ON CONFLICT (tenant_id, credential_id) DO NOTHING;

-- name: LockQuota :one
SELECT * FROM quotas WHERE tenant_id = @tenant_id AND credential_id = @credential_id FOR UPDATE;

-- name: GetQuota :one
SELECT * FROM quotas WHERE tenant_id = @tenant_id AND credential_id = @credential_id;

-- name: ListQuotas :many
SELECT * FROM quotas
WHERE tenant_id = @tenant_id AND (default_requests IS NOT NULL OR search_requests IS NOT NULL OR bulk_requests IS NOT NULL)
  AND (sqlc.narg('after')::uuid IS NULL OR credential_id < sqlc.narg('after'))
ORDER BY credential_id DESC
LIMIT @page_size;

-- name: UpdateQuota :one
UPDATE quotas
SET default_requests = @default_requests, search_requests = @search_requests, bulk_requests = @bulk_requests, reason = @reason,
    updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND credential_id = @credential_id
RETURNING *;
