-- Columns of other domains that are sealed are read and written by
-- internal/vault/reseal.go, as those domains describe them.

-- name: ListTenantKeys :many
-- settled: committed before this transaction began. Only the maker of a key sees
-- it before its commit, at its own now, and such a key may yet vanish.
SELECT version, wrapped, wrapped_by, created_at, retired_at, (created_at < now())::boolean AS settled
FROM vault_tenant_keys
WHERE tenant_id = @tenant_id
ORDER BY version DESC;

-- name: InsertTenantKey :execrows
INSERT INTO vault_tenant_keys (tenant_id, version, wrapped, wrapped_by) VALUES (@tenant_id, @version, @wrapped, @wrapped_by)
ON CONFLICT DO NOTHING;

-- name: RewrapTenantKey :execrows
UPDATE vault_tenant_keys SET wrapped = @wrapped, wrapped_by = @wrapped_by
WHERE tenant_id = @tenant_id AND version = @version AND wrapped = @formerly;

-- name: RetireTenantKeys :exec
UPDATE vault_tenant_keys SET retired_at = now() WHERE tenant_id = @tenant_id AND version < @version AND retired_at IS NULL;

-- name: DeleteRetiredTenantKeys :execrows
DELETE FROM vault_tenant_keys WHERE tenant_id = @tenant_id AND version < @version AND retired_at < @before;

-- name: InsertKey :execrows
INSERT INTO vault_keys (tenant_id, id, kind, sealed) VALUES (@tenant_id, @id, @kind, @sealed)
ON CONFLICT DO NOTHING;

-- name: GetKey :one
SELECT kind, sealed, destroyed_at FROM vault_keys WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockKey :one
SELECT kind, sealed, destroyed_at FROM vault_keys WHERE tenant_id = @tenant_id AND id = @id FOR SHARE;

-- name: DestroyKey :execrows
INSERT INTO vault_keys (tenant_id, id, kind, sealed, destroyed_at) VALUES (@tenant_id, @id, 'person', NULL, now())
ON CONFLICT (tenant_id, id) DO UPDATE SET sealed = NULL, destroyed_at = now()
WHERE vault_keys.kind = 'person' AND vault_keys.destroyed_at IS NULL;

-- name: ListKeys :many
SELECT id, kind, sealed FROM vault_keys
WHERE tenant_id = @tenant_id AND sealed IS NOT NULL AND id > @after
ORDER BY id LIMIT @page_size;

-- name: CountKeys :one
SELECT count(*) FILTER (WHERE kind = 'person' AND sealed IS NOT NULL)::bigint AS persons,
       count(*) FILTER (WHERE destroyed_at IS NOT NULL)::bigint AS destroyed
FROM vault_keys WHERE tenant_id = @tenant_id;

-- name: RotationUnderWay :one
SELECT o.id FROM operations o
WHERE o.tenant_id = @tenant_id AND o.kind = 'encryption.rotation' AND o.status IN ('queued', 'running')
ORDER BY o.created_at DESC LIMIT 1;
