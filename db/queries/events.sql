-- name: EnsureHead :exec
INSERT INTO event_heads (tenant_id) VALUES (@tenant_id) ON CONFLICT DO NOTHING;

-- name: LockHead :one
-- Whoever holds the row is the tenant's sequencer for this transaction.
SELECT sequence, digest FROM event_heads WHERE tenant_id = @tenant_id FOR UPDATE SKIP LOCKED;

-- name: GetHead :one
SELECT sequence, digest FROM event_heads WHERE tenant_id = @tenant_id;

-- name: ListQueued :many
SELECT q.position, e.*, t.mode
FROM event_queue q
JOIN events e ON e.tenant_id = q.tenant_id AND e.id = q.event_id
JOIN tenants t ON t.tenant_id = q.tenant_id
WHERE q.tenant_id = @tenant_id
ORDER BY q.position
LIMIT @batch_size;

-- name: NumberEvents :exec
INSERT INTO event_sequence (tenant_id, sequence, event_id, digest)
SELECT @tenant_id, unnest(@sequences::bigint[]), unnest(@event_ids::uuid[]), unnest(@digests::bytea[]);

-- name: DequeueEvents :exec
DELETE FROM event_queue WHERE tenant_id = @tenant_id AND position = ANY(@positions::bigint[]);

-- name: MoveHead :exec
UPDATE event_heads SET sequence = @sequence, digest = @digest WHERE tenant_id = @tenant_id;

-- name: AnnounceEvents :exec
SELECT pg_notify('parvis_events', @tenant::text);

-- name: ListSequenced :many
SELECT s.sequence, s.digest, e.*, t.mode
FROM event_sequence s
JOIN events e ON e.tenant_id = s.tenant_id AND e.id = s.event_id
JOIN tenants t ON t.tenant_id = s.tenant_id
WHERE s.tenant_id = @tenant_id AND s.sequence > @after
ORDER BY s.sequence
LIMIT @page_size;

-- name: ListSequencedOf :many
-- Filtered by subject and type; patterns are LIKE patterns.
SELECT s.sequence, s.digest, e.*, t.mode
FROM event_sequence s
JOIN events e ON e.tenant_id = s.tenant_id AND e.id = s.event_id
JOIN tenants t ON t.tenant_id = s.tenant_id
WHERE s.tenant_id = @tenant_id AND s.sequence > @after AND s.sequence <= @up_to
  AND (sqlc.narg('subject_id')::uuid IS NULL OR e.subject_id = sqlc.narg('subject_id'))
  AND (cardinality(@patterns::text[]) = 0 OR e.type LIKE ANY(@patterns::text[]))
ORDER BY s.sequence
LIMIT @page_size;
