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
