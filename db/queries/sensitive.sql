-- name: InsertFact :one
INSERT INTO sensitive_facts (tenant_id, id, contact_id, sealed, lookup, purpose, source, valid_until, created_at, updated_at)
VALUES (@tenant_id, @id, @contact_id, @sealed, @lookup, @purpose, @source, @valid_until, @now, @now)
RETURNING *;

-- name: GetFact :one
SELECT * FROM sensitive_facts WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id;

-- name: LockFact :one
SELECT * FROM sensitive_facts WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id FOR UPDATE;

-- name: ListFacts :many
SELECT * FROM sensitive_facts
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id > @after
  AND (@include_expired::boolean OR valid_until IS NULL OR valid_until >= @today::date)
ORDER BY id
LIMIT @page_size;

-- name: UpdateFact :one
UPDATE sensitive_facts
SET sealed = @sealed, lookup = @lookup, purpose = @purpose, source = @source, valid_until = @valid_until, updated_at = @now, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteFact :exec
DELETE FROM sensitive_facts WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindFacts :many
SELECT f.* FROM sensitive_facts f
WHERE f.tenant_id = @tenant_id AND f.lookup = @lookup
ORDER BY f.id
LIMIT 200;

-- name: ForgetLookups :exec
UPDATE sensitive_facts SET lookup = NULL WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND lookup IS NOT NULL;

-- name: PurposeInUse :one
SELECT code FROM purposes WHERE tenant_id = @tenant_id AND code = @code AND archived_at IS NULL;

-- name: FactHistory :many
SELECT e.id, e.type, e.occurred_at, e.actor_kind, e.actor_id, e.facts, c.changes
FROM events e LEFT JOIN event_changes c ON c.tenant_id = e.tenant_id AND c.event_id = e.id
WHERE e.tenant_id = @tenant_id AND e.subject_id = @fact_id AND e.subject_kind = 'sensitive_fact'
ORDER BY e.subject_version, e.id
LIMIT 1000;

-- name: LockFactsOf :many
SELECT * FROM sensitive_facts
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND (cardinality(@wanted::uuid[]) = 0 OR id = ANY(@wanted::uuid[]))
ORDER BY id FOR UPDATE;

-- name: MoveFact :one
UPDATE sensitive_facts SET contact_id = @contact_id, sealed = @sealed, lookup = @lookup, updated_at = @now, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListOnceMoved :many
-- Facts about a person that were about another before.
SELECT f.id FROM sensitive_facts f
WHERE f.tenant_id = @tenant_id AND f.contact_id = @contact_id
  AND EXISTS (SELECT FROM events e WHERE e.tenant_id = f.tenant_id AND e.subject_id = f.id AND e.facts ->> 'previous_contact_id' IS NOT NULL);

-- name: LockExpired :many
SELECT * FROM sensitive_facts
WHERE tenant_id = @tenant_id AND valid_until < @today::date
ORDER BY id LIMIT @page_size FOR UPDATE SKIP LOCKED;

-- name: ListArrived :many
SELECT * FROM sensitive_facts WHERE tenant_id = @tenant_id AND id > @after ORDER BY id LIMIT @page_size;

-- name: SealArrived :exec
UPDATE sensitive_facts SET sealed = @sealed, lookup = @lookup WHERE tenant_id = @tenant_id AND id = @id;

-- name: DropArrived :execrows
DELETE FROM sensitive_facts WHERE tenant_id = @tenant_id;

-- name: EraseFacts :execrows
DELETE FROM sensitive_facts WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);
