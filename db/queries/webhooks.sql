-- name: EnsureCursor :exec
INSERT INTO webhook_cursors (tenant_id, sequence)
SELECT @tenant_id, coalesce((SELECT h.sequence FROM event_heads h WHERE h.tenant_id = @tenant_id), 0)
ON CONFLICT DO NOTHING;

-- name: LockCursor :one
SELECT sequence FROM webhook_cursors WHERE tenant_id = @tenant_id FOR UPDATE;

-- name: TryLockCursor :one
SELECT sequence FROM webhook_cursors WHERE tenant_id = @tenant_id FOR UPDATE SKIP LOCKED;

-- name: PeekCursor :one
-- Where the fan-out goes on: events that no endpoint waits for are passed over.
SELECT greatest(c.sequence, (SELECT min(e.from_sequence) FROM webhook_endpoints e WHERE e.tenant_id = c.tenant_id AND e.status <> 'disabled'))::bigint AS sequence,
       (SELECT count(*) FROM webhook_endpoints e WHERE e.tenant_id = c.tenant_id AND e.status <> 'disabled')::bigint AS receivers
FROM webhook_cursors c WHERE c.tenant_id = @tenant_id;

-- name: MoveCursor :exec
UPDATE webhook_cursors SET sequence = @sequence WHERE tenant_id = @tenant_id AND sequence < @sequence;

-- name: GetHeadSequence :one
SELECT sequence FROM event_heads WHERE tenant_id = @tenant_id;

-- name: InsertEndpoint :one
INSERT INTO webhook_endpoints (tenant_id, id, url, event_types, scopes, payload, format, verification, description, from_sequence, verification_id, made_by_kind, made_by)
VALUES (@tenant_id, @id, @url, @event_types, @scopes, @payload, @format, @verification, @description, @from_sequence, @verification_id, @made_by_kind, @made_by)
RETURNING *;

-- name: GetEndpoint :one
SELECT * FROM webhook_endpoints WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockEndpoint :one
SELECT * FROM webhook_endpoints WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: ListEndpoints :many
SELECT * FROM webhook_endpoints
WHERE tenant_id = @tenant_id
  AND (cardinality(@statuses::text[]) = 0 OR status = ANY(@statuses::text[]))
  AND (sqlc.narg('after_created_at')::timestamptz IS NULL
       OR (created_at, id) < (sqlc.narg('after_created_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC
LIMIT @page_size;

-- name: CountEndpoints :one
SELECT count(*) FROM webhook_endpoints WHERE tenant_id = @tenant_id;

-- name: UpdateEndpoint :one
UPDATE webhook_endpoints
SET url = @url, event_types = @event_types, scopes = @scopes, payload = @payload, format = @format, description = @description,
    verification = @verification, allowed_rate = sqlc.narg('allowed_rate'), status = @status, disabled_reason = sqlc.narg('disabled_reason'), disabled_at = sqlc.narg('disabled_at'),
    from_sequence = @from_sequence, verification_id = @verification_id, made_by_kind = @made_by_kind, made_by = @made_by, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: TouchEndpoint :one
UPDATE webhook_endpoints SET version = version + 1, updated_at = now() WHERE tenant_id = @tenant_id AND id = @id RETURNING *;

-- name: DeleteEndpoint :execrows
DELETE FROM webhook_endpoints WHERE tenant_id = @tenant_id AND id = @id;

-- name: ActivateEndpoint :one
UPDATE webhook_endpoints SET status = 'active', allowed_rate = sqlc.narg('allowed_rate'), version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id AND status = 'pending' AND verification_id = @verification_id
RETURNING *;

-- name: DisableEndpoint :one
UPDATE webhook_endpoints SET status = 'disabled', disabled_reason = @reason, disabled_at = now(), version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id AND status <> 'disabled'
RETURNING *;

-- name: ListReceivers :many
SELECT id, event_types, scopes, from_sequence, made_by_kind, made_by FROM webhook_endpoints WHERE tenant_id = @tenant_id AND status <> 'disabled';

-- name: GetHealth :many
-- The epoch stands for nothing undelivered.
SELECT q.endpoint_id, q.last_success_at, q.failing_since,
       coalesce((SELECT min(d.created_at) FROM webhook_deliveries d
        WHERE d.tenant_id = q.tenant_id AND d.endpoint_id = q.endpoint_id AND d.status = 'pending' AND d.kind = 'event'), 'epoch')::timestamptz AS oldest_undelivered_at
FROM webhook_queues q WHERE q.tenant_id = @tenant_id AND q.endpoint_id = ANY(@ids::uuid[]);

-- name: InsertKey :one
INSERT INTO webhook_keys (tenant_id, id, endpoint_id, secret, private_key, public_key)
VALUES (@tenant_id, @id, @endpoint_id, @secret, @private_key, @public_key)
RETURNING *;

-- name: ExpireKeys :exec
-- The key without an end gets one; those with one keep the earlier.
UPDATE webhook_keys SET expires_at = least(expires_at, @expires_at::timestamptz)
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id;

-- name: ListLiveKeys :many
SELECT * FROM webhook_keys
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND (expires_at IS NULL OR expires_at > now())
ORDER BY created_at DESC, id DESC;

-- name: DeleteExpiredKeys :exec
DELETE FROM webhook_keys WHERE tenant_id = @tenant_id AND expires_at < now() - interval '1 day';

-- name: InsertQueue :exec
INSERT INTO webhook_queues (tenant_id, endpoint_id) VALUES (@tenant_id, @endpoint_id);

-- name: PushQueues :exec
-- Rows are locked in one order everywhere.
WITH locked AS MATERIALIZED (
    SELECT l.endpoint_id FROM webhook_queues l
    WHERE l.tenant_id = @tenant_id AND l.endpoint_id = ANY(@ids::uuid[])
    ORDER BY l.endpoint_id FOR UPDATE
)
UPDATE webhook_queues q SET due_at = least(q.due_at, now()), pushes = q.pushes + 1
FROM locked WHERE q.tenant_id = @tenant_id AND q.endpoint_id = locked.endpoint_id;

-- name: ClaimQueues :many
UPDATE webhook_queues q SET leased_by = @worker, leased_until = now() + make_interval(secs => @lease_seconds::float8)
FROM (SELECT c.endpoint_id FROM webhook_queues c
      WHERE c.tenant_id = @tenant_id AND c.endpoint_id = ANY(@ids::uuid[])
        AND c.due_at <= now() AND (c.leased_until IS NULL OR c.leased_until < now())
      FOR UPDATE SKIP LOCKED) due
WHERE q.tenant_id = @tenant_id AND q.endpoint_id = due.endpoint_id
RETURNING q.endpoint_id, q.pushes, q.paced_until;

-- name: RenewLease :one
UPDATE webhook_queues SET leased_until = now() + make_interval(secs => @lease_seconds::float8)
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND leased_by = @worker
RETURNING pushes;

-- name: ReleaseQueue :execrows
-- Leaves the queue unless something was put in since it was looked at.
UPDATE webhook_queues SET leased_by = NULL, leased_until = NULL, due_at = sqlc.narg('due_at'), paced_until = sqlc.narg('paced_until')
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND leased_by = @worker AND pushes = @pushes;

-- name: AbandonQueue :exec
UPDATE webhook_queues SET leased_by = NULL, leased_until = NULL, due_at = now(), paced_until = sqlc.narg('paced_until')
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND leased_by = @worker;

-- name: NextDue :one
SELECT due_at FROM webhook_deliveries
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND status = 'pending'
ORDER BY due_at LIMIT 1;

-- name: FanOut :execrows
-- Identifiers go as text: the driver encodes them many times faster so.
INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, sequence, event_type, due_at)
SELECT @tenant_id, unnest(@endpoint_ids::text[])::uuid, unnest(@event_ids::text[])::uuid, unnest(@sequences::bigint[]), unnest(@event_types::text[]), now()
ON CONFLICT DO NOTHING;

-- name: InsertDelivery :one
INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, sequence, event_type, kind, due_at)
VALUES (@tenant_id, @endpoint_id, @event_id, 0, @event_type, @kind, now())
RETURNING *;

-- name: ListDue :many
SELECT event_id, sequence, event_type, kind, step, attempts, created_at FROM webhook_deliveries
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND status = 'pending' AND due_at <= now()
  AND event_id <> ALL(@busy::uuid[])
ORDER BY due_at
LIMIT @batch_size;

-- name: GetDueVerification :many
SELECT event_id, sequence, event_type, kind, step, attempts, created_at FROM webhook_deliveries
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND event_id = @event_id AND status = 'pending' AND due_at <= now()
  AND event_id <> ALL(@busy::uuid[]);

-- name: RecordAttempts :exec
-- An attempt that somebody else has recorded meanwhile is not recorded again.
UPDATE webhook_deliveries d
SET status = r.status, due_at = CASE WHEN r.status = 'pending' THEN now() + make_interval(secs => r.delay) END, step = r.step, attempts = d.attempts + 1, response_status = nullif(r.response_status, 0),
    attempt_log = CASE WHEN d.attempt_log IS NULL THEN jsonb_build_array(r.entry)
                       WHEN d.attempts >= 50 THEN (d.attempt_log - 0) || r.entry
                       ELSE d.attempt_log || r.entry END,
    updated_at = now(), version = d.version + 1
FROM (SELECT unnest(@endpoint_ids::text[])::uuid AS endpoint_id, unnest(@event_ids::text[])::uuid AS event_id, unnest(@before::integer[]) AS before,
             unnest(@statuses::text[]) AS status, unnest(@delays::float8[]) AS delay, unnest(@steps::integer[]) AS step,
             unnest(@response_statuses::integer[]) AS response_status, unnest(@entries::text[])::jsonb AS entry) r
WHERE d.tenant_id = @tenant_id AND d.endpoint_id = r.endpoint_id AND d.event_id = r.event_id
  AND d.attempts = r.before AND d.status = 'pending';

-- name: RecordHealth :many
-- Per endpoint: the time of the last success, and of the first failure after it.
WITH locked AS MATERIALIZED (
    SELECT l.endpoint_id FROM webhook_queues l
    WHERE l.tenant_id = @tenant_id AND l.endpoint_id = ANY(@endpoint_ids::uuid[])
    ORDER BY l.endpoint_id FOR UPDATE
)
UPDATE webhook_queues q
SET last_success_at = CASE WHEN r.succeeded THEN greatest(q.last_success_at, r.succeeded_at) ELSE q.last_success_at END,
    failing_since = CASE WHEN NOT r.failed THEN NULL WHEN r.succeeded THEN r.failed_at ELSE coalesce(q.failing_since, r.failed_at) END,
    failing_told_at = CASE WHEN r.succeeded THEN NULL ELSE q.failing_told_at END
FROM (SELECT unnest(@endpoint_ids::uuid[]) AS endpoint_id, unnest(@succeeded::boolean[]) AS succeeded, unnest(@succeeded_ats::timestamptz[]) AS succeeded_at,
             unnest(@failed::boolean[]) AS failed, unnest(@failed_ats::timestamptz[]) AS failed_at) r
     JOIN locked ON locked.endpoint_id = r.endpoint_id
WHERE q.tenant_id = @tenant_id AND q.endpoint_id = r.endpoint_id
RETURNING q.endpoint_id, q.failing_since, q.failing_told_at;

-- name: TellFailing :execrows
UPDATE webhook_queues SET failing_told_at = now()
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND failing_since IS NOT NULL AND failing_told_at IS NULL;

-- name: ResetHealth :exec
UPDATE webhook_queues SET failing_since = NULL, failing_told_at = NULL WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id;

-- name: GetDelivery :one
SELECT * FROM webhook_deliveries WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND event_id = @event_id;

-- name: ListDeliveries :many
SELECT tenant_id, endpoint_id, event_id, sequence, event_type, kind, status, due_at, step, attempts, response_status, created_at, updated_at, version
FROM webhook_deliveries
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id
  AND (cardinality(@statuses::text[]) = 0 OR status = ANY(@statuses::text[]))
  AND (cardinality(@patterns::text[]) = 0 OR event_type LIKE ANY(@patterns::text[]))
  AND (sqlc.narg('since')::timestamptz IS NULL OR created_at >= sqlc.narg('since'))
  AND (sqlc.narg('after_event_id')::uuid IS NULL OR event_id < sqlc.narg('after_event_id')::uuid)
ORDER BY event_id DESC
LIMIT @page_size;

-- name: RetryDelivery :one
UPDATE webhook_deliveries SET status = 'pending', due_at = now(), step = 0, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND event_id = @event_id
RETURNING *;

-- name: DropVerifications :exec
-- Verifications of an earlier address are over.
UPDATE webhook_deliveries SET status = 'failed', due_at = NULL, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND kind = 'verification' AND status = 'pending' AND event_id <> @current;

-- name: ListRecorded :many
-- The log by when it was written, which is what event ids are ordered by.
SELECT e.id, s.sequence, e.type, e.subject_id
FROM events e JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
WHERE e.tenant_id = @tenant_id AND e.id > @after AND e.id < @before
ORDER BY e.id
LIMIT @batch_size;

-- name: Withhold :exec
-- What may not be sent leaves no trace.
DELETE FROM webhook_deliveries
WHERE tenant_id = @tenant_id AND endpoint_id = @endpoint_id AND event_id = ANY(@event_ids::uuid[]) AND kind = 'event' AND status = 'pending';

-- name: Recover :execrows
INSERT INTO webhook_deliveries (tenant_id, endpoint_id, event_id, sequence, event_type, due_at)
SELECT @tenant_id, @endpoint_id, unnest(@event_ids::uuid[]), unnest(@sequences::bigint[]), unnest(@event_types::text[]), now()
ON CONFLICT (tenant_id, endpoint_id, event_id) DO UPDATE
SET status = 'pending', due_at = now(), step = 0, updated_at = now(), version = webhook_deliveries.version + 1
WHERE webhook_deliveries.status = 'failed' OR (webhook_deliveries.status = 'succeeded' AND NOT @only_failed::boolean);

-- name: ListDeliveredEndpoints :many
-- Every endpoint that has deliveries, present or deleted, by skipping through the key.
WITH RECURSIVE t AS (
    (SELECT d.endpoint_id FROM webhook_deliveries d WHERE d.tenant_id = @tenant_id ORDER BY d.endpoint_id LIMIT 1)
    UNION ALL
    SELECT (SELECT d.endpoint_id FROM webhook_deliveries d WHERE d.tenant_id = @tenant_id AND d.endpoint_id > t.endpoint_id ORDER BY d.endpoint_id LIMIT 1)
    FROM t WHERE t.endpoint_id IS NOT NULL
)
SELECT t.endpoint_id::uuid AS endpoint_id, EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.tenant_id = @tenant_id AND e.id = t.endpoint_id) AS present
FROM t WHERE t.endpoint_id IS NOT NULL;

-- name: PurgeDeliveries :execrows
DELETE FROM webhook_deliveries d
WHERE d.tenant_id = @tenant_id AND d.endpoint_id = @endpoint_id AND d.event_id IN (
    SELECT p.event_id FROM webhook_deliveries p
    WHERE p.tenant_id = @tenant_id AND p.endpoint_id = @endpoint_id AND p.event_id < @before_id AND p.updated_at < @before::timestamptz
    ORDER BY p.event_id LIMIT @batch_size);

-- name: GetTenantMode :one
SELECT mode FROM tenants WHERE tenant_id = @tenant_id;

-- name: GetInstitution :one
SELECT name, locale, technical_contacts FROM tenants WHERE tenant_id = @tenant_id;
