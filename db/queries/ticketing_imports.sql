-- name: InsertImportResults :exec
INSERT INTO ticketing_import_results (tenant_id, operation_id, record, line, kind, external_id, status, subject_id, code, errors)
SELECT @tenant_id, @operation_id, unnest(@records::bigint[]), unnest(@lines::bigint[]), unnest(@kinds::text[]), unnest(@external_ids::text[]), unnest(@statuses::text[]),
       nullif(unnest(@subject_ids::text[]), '')::uuid, nullif(unnest(@codes::text[]), ''), nullif(unnest(@errors::text[]), '')::jsonb;

-- name: ListImportResults :many
SELECT * FROM ticketing_import_results
WHERE tenant_id = @tenant_id AND operation_id = @operation_id AND record > @after
ORDER BY record
LIMIT @page_size;

-- name: CountImportResults :many
SELECT status, count(*)::bigint AS records FROM ticketing_import_results
WHERE tenant_id = @tenant_id AND operation_id = @operation_id
GROUP BY status;

-- name: ForgetImportResults :exec
DELETE FROM ticketing_import_results WHERE tenant_id = @tenant_id AND created_at < @before;
