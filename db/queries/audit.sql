-- Reads are written by internal/audit/readlog.go, many in one round trip, and
-- folded into their index by internal/audit/index.go.

-- name: ListReads :many
SELECT * FROM access_log
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('operation')::text IS NULL OR operation = sqlc.narg('operation'))
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
  AND (sqlc.narg('operation')::text IS NULL OR l.operation = sqlc.narg('operation'))
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
SELECT months FROM audit_retentions WHERE tenant_id = @tenant_id AND log = @log AND valid_from <= @at ORDER BY valid_from DESC LIMIT 1;

-- name: ListRetentions :many
SELECT * FROM audit_retentions WHERE tenant_id = @tenant_id ORDER BY valid_from DESC LIMIT 200;

-- name: InsertRetention :exec
INSERT INTO audit_retentions (tenant_id, log, valid_from, months) VALUES (@tenant_id, @log, @valid_from, @months);

-- name: ListRefusalsByID :many
SELECT * FROM refusals WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: ListRefusals :many
SELECT * FROM refusals
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('actor_id')::text IS NULL OR actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('subject_id')::uuid IS NULL OR subject_id = sqlc.narg('subject_id'))
  AND (sqlc.narg('operation')::text IS NULL OR operation = sqlc.narg('operation'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR occurred_at < sqlc.narg('until'))
  AND (sqlc.narg('before_at')::timestamptz IS NULL OR (occurred_at, id) < (sqlc.narg('before_at'), sqlc.narg('before_id')::uuid))
ORDER BY occurred_at DESC, id DESC
LIMIT @page_size;

-- name: ListOnceThere :many
-- Which of these were records of the institution and have not been removed.
SELECT DISTINCT e.subject_id FROM events e
WHERE e.tenant_id = @tenant_id AND e.subject_id = ANY(@ids::uuid[])
  AND NOT EXISTS (SELECT FROM events l WHERE l.tenant_id = @tenant_id AND l.subject_id = e.subject_id AND (l.type LIKE '%.deleted' OR l.type LIKE '%.removed'))
UNION
SELECT c.id FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = ANY(@ids::uuid[]);

-- The stream of entries is read in the order of each log. Kinds of events are
-- told by LIKE patterns of their types: of these, and not of those.

-- name: ListEventEntries :many
SELECT s.sequence, e.id, e.type, e.subject_kind, e.subject_id, e.occurred_at, e.actor_kind, e.actor_id, e.request_id
FROM event_sequence s
JOIN events e ON e.tenant_id = s.tenant_id AND e.id = s.event_id
WHERE s.tenant_id = @tenant_id AND s.sequence > @after AND s.sequence < @before
  AND (cardinality(@patterns::text[]) = 0 OR e.type LIKE ANY(@patterns::text[]))
  AND NOT e.type LIKE ANY(@others::text[])
  AND (sqlc.narg('actor_id')::text IS NULL OR e.actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR e.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR e.occurred_at < sqlc.narg('until'))
ORDER BY s.sequence DESC
LIMIT @page_size;

-- name: ListAdministrativeEntries :many
-- Kinds that are few among many: found by the index of what is not about persons
-- and sales, which the condition on subject_kind repeats.
SELECT s.sequence, e.id, e.type, e.subject_kind, e.subject_id, e.occurred_at, e.actor_kind, e.actor_id, e.request_id
FROM events e
JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
WHERE e.tenant_id = @tenant_id AND s.sequence < @before
  AND e.subject_kind NOT IN ('contact', 'contact_point', 'address', 'consent', 'form_submission', 'order', 'ticket', 'refund', 'ticketing_customer')
  AND e.type LIKE ANY(@patterns::text[])
  AND (sqlc.narg('actor_id')::text IS NULL OR e.actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR e.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR e.occurred_at < sqlc.narg('until'))
ORDER BY s.sequence DESC
LIMIT @page_size;

-- name: ListEntriesAbout :many
SELECT s.sequence, e.id, e.type, e.subject_kind, e.subject_id, e.occurred_at, e.actor_kind, e.actor_id, e.request_id
FROM events e
JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
WHERE e.tenant_id = @tenant_id AND e.subject_id = @subject_id AND s.sequence < @before
  AND (cardinality(@patterns::text[]) = 0 OR e.type LIKE ANY(@patterns::text[]))
  AND NOT e.type LIKE ANY(@others::text[])
  AND (sqlc.narg('actor_id')::text IS NULL OR e.actor_id = sqlc.narg('actor_id'))
  AND (sqlc.narg('since')::timestamptz IS NULL OR e.occurred_at >= sqlc.narg('since'))
  AND (sqlc.narg('until')::timestamptz IS NULL OR e.occurred_at < sqlc.narg('until'))
ORDER BY s.sequence DESC
LIMIT @page_size;

-- name: FollowEvents :many
SELECT s.sequence, e.id, e.type, e.subject_kind, e.subject_id, e.occurred_at, e.actor_kind, e.actor_id, e.request_id
FROM (
    SELECT q.tenant_id, q.sequence, q.event_id FROM event_sequence q
    WHERE q.tenant_id = @tenant_id AND q.sequence > @after
    ORDER BY q.sequence
    LIMIT @page_size
) s
CROSS JOIN LATERAL (SELECT v.* FROM events v WHERE v.tenant_id = s.tenant_id AND v.id = s.event_id OFFSET 0) e
ORDER BY s.sequence;

-- name: FollowBatches :many
SELECT number, entries FROM audit_batches
WHERE tenant_id = @tenant_id AND log = @log AND number >= @number
ORDER BY number
LIMIT @page_size;

-- name: WhenNumbered :one
SELECT e.occurred_at FROM event_sequence s JOIN events e ON e.tenant_id = s.tenant_id AND e.id = s.event_id
WHERE s.tenant_id = @tenant_id AND s.sequence = @sequence;

-- name: LastBatch :one
SELECT number, (length(entries) / 48)::bigint AS entries FROM audit_batches
WHERE tenant_id = @tenant_id AND log = @log ORDER BY number DESC LIMIT 1;
