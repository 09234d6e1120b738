-- name: InsertTenant :one
INSERT INTO tenants (tenant_id, name, mode, sandbox_of, locale, time_zone, currency)
VALUES (@tenant_id, @name, @mode, @sandbox_of, @locale, @time_zone, @currency)
RETURNING *;

-- name: GetTenant :one
SELECT * FROM tenants WHERE tenant_id = @tenant_id;

-- name: InsertAPIKey :one
INSERT INTO api_keys (tenant_id, id, key_id, secret_hash, kind, name, scopes, source, allowed_cidrs, expires_at, rotated_from, created_by_kind, created_by)
VALUES (@tenant_id, @id, @key_id, @secret_hash, @kind, @name, @scopes, @source, @allowed_cidrs, @expires_at, @rotated_from, @created_by_kind, @created_by)
RETURNING *;

-- name: TouchAPIKey :exec
UPDATE api_keys SET last_used_at = @last_used_at WHERE tenant_id = @tenant_id AND id = @id;
