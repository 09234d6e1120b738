-- name: InsertOperation :one
INSERT INTO operations (tenant_id, id, kind, parameters, progress_unit, created_by_kind, created_by, request_id)
VALUES (@tenant_id, @id, @kind, @parameters, @progress_unit, @created_by_kind, @created_by, @request_id)
RETURNING *;

-- name: GetOperation :one
SELECT * FROM operations WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListOperations :many
SELECT * FROM operations
WHERE tenant_id = @tenant_id
  AND (cardinality(@statuses::text[]) = 0 OR status = ANY(@statuses::text[]))
  AND (sqlc.narg('kind')::text IS NULL OR kind = sqlc.narg('kind'))
  AND (sqlc.narg('after_created_at')::timestamptz IS NULL
       OR (created_at, id) < (sqlc.narg('after_created_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC
LIMIT @page_size;

-- name: StartOperation :one
-- A queued operation starts; a running one is taken over when its worker has
-- given no sign of life for the length of the lease. The attempt is what the
-- worker shows from then on.
UPDATE operations
SET status = 'running', attempt = attempt + 1, started_at = coalesce(started_at, now()), updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND (status = 'queued' OR (status = 'running' AND updated_at < now() - make_interval(secs => @lease_seconds::float8)))
RETURNING *;

-- name: SetOperationProgress :one
UPDATE operations
SET progress_done = @done, progress_total = coalesce(sqlc.narg('total'), progress_total), updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND status = 'running' AND attempt = @attempt
RETURNING cancel_requested;

-- name: KeepOperationAlive :one
UPDATE operations SET updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id AND status = 'running' AND attempt = @attempt
RETURNING cancel_requested;

-- name: FinishOperation :one
UPDATE operations
SET status = @status, result = sqlc.narg('result'), problem = sqlc.narg('problem'), finished_at = now(), updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND status = 'running' AND attempt = @attempt
RETURNING *;

-- name: ReleaseOperation :exec
-- A worker that has to leave hands the operation back.
UPDATE operations SET status = 'queued', updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND status = 'running' AND attempt = @attempt;

-- name: ReviveOperation :one
-- Whoever finds an operation without a sign of life claims the right to put it
-- into the queue again.
UPDATE operations SET status = 'queued', updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('queued', 'running') AND updated_at < now() - make_interval(secs => @lease_seconds::float8)
RETURNING *;

-- name: RequestCancel :one
-- An operation that nobody ever began ends at once; any other is asked to, since
-- only its work knows what is done already.
UPDATE operations
SET cancel_requested = true,
    status = CASE WHEN status = 'queued' AND attempt = 0 THEN 'cancelled' ELSE status END,
    finished_at = CASE WHEN status = 'queued' AND attempt = 0 THEN now() ELSE finished_at END,
    updated_at = CASE WHEN attempt = 0 THEN now() ELSE updated_at END, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('queued', 'running')
RETURNING *;
