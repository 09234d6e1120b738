-- name: InsertErasure :one
INSERT INTO privacy_erasures (tenant_id, id, contact_id, instruction_reference, reason, actor_kind, actor_id, request_id, erased_at, erased, kept)
VALUES (@tenant_id, @id, @contact_id, @instruction_reference, @reason, @actor_kind, @actor_id, @request_id, @erased_at, @erased, @kept)
RETURNING *;

-- name: GetErasure :one
-- Of a contact, or of the one that it had been merged into.
SELECT * FROM privacy_erasures WHERE tenant_id = @tenant_id AND contact_id = survivor_of(@tenant_id, @contact_id);

-- name: InsertNotice :exec
INSERT INTO privacy_notices (tenant_id, id, erasure_id, source_id, command_id, status, code, updated_at)
VALUES (@tenant_id, @id, @erasure_id, @source_id, @command_id, @status, @code, @updated_at);

-- name: ListNotices :many
-- As they were last noted; of a command that is on its way, where that is.
SELECT n.source_id, s.code AS source_code, n.command_id, n.code,
       CASE WHEN n.status = 'queued' AND c.status = 'sent' THEN 'sent' ELSE n.status END::text AS status,
       (CASE WHEN n.status = 'queued' AND c.status = 'sent' THEN c.updated_at ELSE n.updated_at END)::timestamptz AS updated_at
FROM privacy_notices n
JOIN ticketing_sources s ON s.tenant_id = n.tenant_id AND s.id = n.source_id
LEFT JOIN connector_commands c ON c.tenant_id = n.tenant_id AND c.id = n.command_id
WHERE n.tenant_id = @tenant_id AND n.erasure_id = @erasure_id
ORDER BY n.id
LIMIT 1000;

-- name: NoteCommand :exec
UPDATE privacy_notices SET status = @status, code = @code, updated_at = @updated_at
WHERE tenant_id = @tenant_id AND command_id = @command_id::uuid;
