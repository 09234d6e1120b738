-- Reads are written by internal/audit/readlog.go, many in one round trip.

-- name: ListReads :many
SELECT * FROM access_log
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('actor_id')::text IS NULL OR actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before_at')::timestamptz IS NULL OR (occurred_at, id) < (sqlc.narg('before_at'), sqlc.narg('before_id')::uuid))
ORDER BY occurred_at DESC, id DESC
LIMIT @page_size;

-- name: ListReadsOf :many
SELECT l.*
FROM access_log_subjects s
JOIN access_log l ON l.tenant_id = s.tenant_id AND l.id = s.read_id
WHERE s.tenant_id = @tenant_id AND s.subject_id = @subject_id
  AND (sqlc.narg('actor_id')::text IS NULL OR l.actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR s.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR s.occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before_at')::timestamptz IS NULL OR (s.occurred_at, s.read_id) < (sqlc.narg('before_at'), sqlc.narg('before_id')::uuid))
ORDER BY s.occurred_at DESC, s.read_id DESC
LIMIT @page_size;
