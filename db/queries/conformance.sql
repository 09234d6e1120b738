-- name: InsertRun :one
INSERT INTO conformance_runs (tenant_id, id, hook_url, connector_name, connector_version, scenarios, patience_seconds, parallel)
VALUES (@tenant_id, @id, @hook_url, @connector_name, @connector_version, @scenarios, @patience_seconds, @parallel)
RETURNING *;

-- name: GetRun :one
SELECT * FROM conformance_runs WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListRuns :many
SELECT * FROM conformance_runs
WHERE tenant_id = @tenant_id AND (sqlc.narg('before')::uuid IS NULL OR id < sqlc.narg('before')::uuid)
ORDER BY id DESC
LIMIT @page_size;

-- name: FinishRun :execrows
-- The first report stands: a run that was taken up twice has one outcome.
UPDATE conformance_runs
SET verdict = @verdict, report = @report, finished_at = @finished_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND verdict IS NULL;
