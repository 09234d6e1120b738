-- name: InsertImportResults :exec
INSERT INTO ticketing_import_results (tenant_id, operation_id, record, line, kind, external_id, status, subject_id, code, violations, warnings)
SELECT @tenant_id, @operation_id, unnest(@records::bigint[]), unnest(@lines::bigint[]), unnest(@kinds::text[]), unnest(@external_ids::text[]), unnest(@statuses::text[]),
       nullif(unnest(@subject_ids::text[]), '')::uuid, nullif(unnest(@codes::text[]), ''), unnest(@violations::text[])::jsonb, unnest(@warnings::text[])::jsonb;

-- name: ListImportResults :many
SELECT * FROM ticketing_import_results
WHERE tenant_id = @tenant_id AND operation_id = @operation_id AND record > @after AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
ORDER BY record
LIMIT @page_size;

-- name: CountImportResults :many
SELECT status, count(*)::bigint AS records FROM ticketing_import_results
WHERE tenant_id = @tenant_id AND operation_id = @operation_id
GROUP BY status;

-- name: ForgetImportResults :exec
-- Results of work that ended long ago.
DELETE FROM ticketing_import_results r USING operations o
WHERE r.tenant_id = @tenant_id AND o.tenant_id = r.tenant_id AND o.id = r.operation_id AND o.kind = 'ticketing_import' AND o.finished_at < @before::timestamptz;

-- name: FindRecordsThere :many
-- Which of these records there are.
SELECT id FROM ticketing_records WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);
