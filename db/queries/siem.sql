-- name: InsertForwarder :one
INSERT INTO siem_forwarders (tenant_id, id, name, url, ca_certificates, client_certificate, secret, status, place)
VALUES (@tenant_id, @id, @name, @url, @ca_certificates, @client_certificate, @secret, 'active', @place)
RETURNING *;

-- name: ListForwarders :many
SELECT * FROM siem_forwarders
WHERE tenant_id = @tenant_id AND (sqlc.narg('before')::uuid IS NULL OR id < sqlc.narg('before'))
ORDER BY id DESC
LIMIT @page_size;

-- name: CountForwarders :one
SELECT count(*) FROM siem_forwarders WHERE tenant_id = @tenant_id;

-- name: GetForwarder :one
SELECT * FROM siem_forwarders WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockForwarder :one
SELECT * FROM siem_forwarders WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UpdateForwarder :one
-- Whoever is sending by the former version loses its lease.
UPDATE siem_forwarders
SET name = @name, url = @url, ca_certificates = @ca_certificates, client_certificate = @client_certificate, secret = @secret, status = @status,
    ends_in_order = false, failures = 0, failing_since = NULL, last_error = NULL, due_at = now(), leased_by = NULL, leased_until = NULL, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteForwarder :exec
DELETE FROM siem_forwarders WHERE tenant_id = @tenant_id AND id = @id;

-- name: ClaimForwarder :one
UPDATE siem_forwarders SET leased_by = @worker, leased_until = now() + make_interval(secs => @lease_seconds::float8)
WHERE tenant_id = @tenant_id AND id = @id AND status = 'active' AND due_at <= now() AND (leased_until IS NULL OR leased_until < now())
RETURNING *;

-- name: MoveForwarder :execrows
-- What the receiver has taken, if the lease is still ours.
UPDATE siem_forwarders
SET place = @place, delivered = delivered + @entries::bigint, ends_in_order = ends_in_order OR @ends_in_order::boolean, last_delivered_at = now(), behind_since = sqlc.narg('behind_since'), failures = 0, failing_since = NULL,
    last_error = NULL, leased_until = now() + make_interval(secs => @lease_seconds::float8)
WHERE tenant_id = @tenant_id AND id = @id AND leased_by = @worker;

-- name: ReleaseForwarder :exec
UPDATE siem_forwarders
SET leased_by = NULL, leased_until = NULL, due_at = now() + make_interval(secs => @pause_seconds::float8), behind_since = NULL
WHERE tenant_id = @tenant_id AND id = @id AND leased_by = @worker;

-- name: FailForwarder :exec
UPDATE siem_forwarders
SET leased_by = NULL, leased_until = NULL, due_at = now() + make_interval(secs => @pause_seconds::float8), behind_since = @behind_since, failures = failures + 1,
    failing_since = coalesce(failing_since, now()), last_error = @last_error
WHERE tenant_id = @tenant_id AND id = @id AND leased_by = @worker;

-- name: TellLag :execrows
UPDATE siem_forwarders SET lag_told_at = now() WHERE tenant_id = @tenant_id AND id = @id AND lag_told_at IS NULL;

-- name: TellRecovered :execrows
UPDATE siem_forwarders SET lag_told_at = NULL WHERE tenant_id = @tenant_id AND id = @id AND lag_told_at IS NOT NULL;
