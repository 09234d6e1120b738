-- Reads are written by internal/audit/readlog.go, many in one round trip, and
-- folded into their index by internal/audit/index.go.

-- name: ListReads :many
SELECT * FROM access_log
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('actor_id')::text IS NULL OR actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before_at')::timestamptz IS NULL OR (occurred_at, id) < (sqlc.narg('before_at'), sqlc.narg('before_id')::uuid))
ORDER BY occurred_at DESC, id DESC
LIMIT @page_size;

-- name: ListUnfoldedReadsOf :many
SELECT l.* FROM access_log l
WHERE l.tenant_id = @tenant_id
  AND l.occurred_at > coalesce((SELECT m.folded_to FROM access_log_marks m WHERE m.tenant_id = @tenant_id), '0001-01-01')
  AND @subject_id::uuid = ANY(l.subjects)
  AND (sqlc.narg('actor_id')::text IS NULL OR l.actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR l.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR l.occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before_at')::timestamptz IS NULL OR (l.occurred_at, l.id) < (sqlc.narg('before_at'), sqlc.narg('before_id')::uuid))
ORDER BY l.occurred_at DESC, l.id DESC
LIMIT @page_size;

-- name: ListIndex :many
SELECT entries FROM access_log_index WHERE tenant_id = @tenant_id AND bucket = @bucket;

-- name: ListReadsByID :many
SELECT * FROM access_log WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: ContactIsSeen :one
SELECT EXISTS (SELECT FROM contacts WHERE tenant_id = @tenant_id AND id = @id);
-- name: ListHistory :many
SELECT s.sequence, e.id, e.type, e.subject_kind, e.subject_id, e.subject_version, e.occurred_at, e.actor_kind, e.actor_id,
       e.request_id, e.source, e.changed, e.facts, e.changes_digest, c.changes
FROM events e
JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
LEFT JOIN event_changes c ON c.tenant_id = e.tenant_id AND c.event_id = e.id
WHERE e.tenant_id = @tenant_id AND e.subject_id = @subject_id AND e.subject_kind = @subject_kind
  AND (sqlc.narg('pointer')::text IS NULL OR sqlc.narg('pointer')::text = ANY(e.changed))
  AND (sqlc.narg('since')::timestamptz IS NULL OR e.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR e.occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before')::bigint IS NULL OR s.sequence < sqlc.narg('before'))
ORDER BY s.sequence DESC
LIMIT @page_size;

-- name: ListContactHistory :many
SELECT s.sequence, e.id, e.type, e.subject_kind, e.subject_id, e.subject_version, e.occurred_at, e.actor_kind, e.actor_id,
       e.request_id, e.source, e.changed, e.facts, e.changes_digest, c.changes
FROM events_of_contact(@tenant_id, @contact_id) AS f(id)
JOIN events e ON e.tenant_id = @tenant_id AND e.id = f.id
JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
LEFT JOIN event_changes c ON c.tenant_id = e.tenant_id AND c.event_id = e.id
WHERE e.subject_kind = ANY(@subject_kinds::text[])
  AND (sqlc.narg('pointer')::text IS NULL OR sqlc.narg('pointer')::text = ANY(e.changed))
  AND (sqlc.narg('since')::timestamptz IS NULL OR e.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR e.occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before')::bigint IS NULL OR s.sequence < sqlc.narg('before'))
ORDER BY s.sequence DESC
LIMIT @page_size;

-- name: GetReadPolicy :one
SELECT * FROM read_policies WHERE tenant_id = @tenant_id;

-- name: LockReadPolicy :one
SELECT * FROM read_policies WHERE tenant_id = @tenant_id FOR UPDATE;

-- name: PutReadPolicy :one
INSERT INTO read_policies (tenant_id, operations, purposes, restricted, noted)
VALUES (@tenant_id, @operations::text[], @purposes::text[], @restricted, @noted)
ON CONFLICT (tenant_id) DO UPDATE SET operations = excluded.operations, purposes = excluded.purposes, restricted = excluded.restricted,
    noted = excluded.noted, version = read_policies.version + 1, updated_at = now()
RETURNING *;

-- name: AnyRestricted :one
SELECT EXISTS (SELECT FROM contacts WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND restricted);

-- name: MonthsAt :one
SELECT months FROM audit_retentions WHERE tenant_id = @tenant_id AND valid_from <= @at ORDER BY valid_from DESC LIMIT 1;

-- name: ListRetentions :many
SELECT * FROM audit_retentions WHERE tenant_id = @tenant_id ORDER BY valid_from DESC LIMIT 200;

-- name: InsertRetention :exec
INSERT INTO audit_retentions (tenant_id, valid_from, months) VALUES (@tenant_id, @valid_from, @months);
