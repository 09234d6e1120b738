-- name: FindSource :one
SELECT id, code, kind, time_zone, currency, status, version FROM ticketing_sources
WHERE tenant_id = @tenant_id AND (code = @reference::text OR id::text = @reference::text);

-- name: GetConnection :one
SELECT * FROM connector_connections WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: LockConnection :one
SELECT * FROM connector_connections WHERE tenant_id = @tenant_id AND source_id = @source_id FOR UPDATE;

-- name: InsertConnection :one
INSERT INTO connector_connections (tenant_id, source_id, connector, base_url, settings, secrets, secret_names, is_enabled, hook_hash)
VALUES (@tenant_id, @source_id, @connector, @base_url, @settings, @secrets, @secret_names, @is_enabled, @hook_hash)
RETURNING *;

-- name: UpdateConnection :one
UPDATE connector_connections
SET connector = @connector, base_url = @base_url, settings = @settings, secrets = @secrets, secret_names = @secret_names, is_enabled = @is_enabled,
    hook_hash = @hook_hash, hook_vendor_id = sqlc.narg('hook_vendor_id'), version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND source_id = @source_id
RETURNING *;

-- name: DeleteConnection :execrows
DELETE FROM connector_connections WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: EnsureState :exec
INSERT INTO connector_states (tenant_id, source_id) VALUES (@tenant_id, @source_id) ON CONFLICT DO NOTHING;

-- name: GetState :one
SELECT * FROM connector_states WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: Wake :exec
-- Something is to be done soon; what the vendor asked us to wait for stays.
UPDATE connector_states
SET wakes = wakes + 1,
    due_at = CASE WHEN stopped THEN NULL ELSE least(due_at, now() + make_interval(secs => @seconds::double precision)) END
WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: Restart :exec
-- After the connection was changed: the past does not count any more.
UPDATE connector_states
SET wakes = wakes + 1, stopped = false, failures = 0, held_until = NULL, due_at = CASE WHEN @is_enabled::boolean THEN now() END
WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: Claim :many
UPDATE connector_states
SET leased_by = @worker, leased_until = now() + make_interval(secs => @lease_seconds::double precision)
WHERE tenant_id = @tenant_id AND source_id = ANY(@ids::uuid[])
  AND due_at <= now() AND (held_until IS NULL OR held_until <= now()) AND (leased_until IS NULL OR leased_until < now())
RETURNING source_id, wakes;

-- name: Renew :execrows
UPDATE connector_states SET leased_until = now() + make_interval(secs => @lease_seconds::double precision)
WHERE tenant_id = @tenant_id AND source_id = @source_id AND leased_by = @worker;

-- name: ReleaseWell :one
-- The end of a turn that went well: the next is when a stream or a fetch is due,
-- at once if somebody called meanwhile.
UPDATE connector_states s
SET leased_by = NULL, leased_until = NULL, failures = 0, held_until = NULL, stopped = false, last_success_at = now(),
    due_at = CASE WHEN s.wakes <> @wakes THEN now() + make_interval(secs => @seconds::double precision)
             ELSE least((SELECT min(t.due_at) FROM connector_streams t WHERE t.tenant_id = s.tenant_id AND t.source_id = s.source_id),
                        (SELECT min(k.due_at) FROM connector_commands k WHERE k.tenant_id = s.tenant_id AND k.source_id = s.source_id AND k.status IN ('queued', 'sent')),
                        (SELECT min(f.due_at) FROM connector_fetches f WHERE f.tenant_id = s.tenant_id AND f.source_id = s.source_id),
                        now() + interval '1 hour') END
WHERE s.tenant_id = @tenant_id AND s.source_id = @source_id AND s.leased_by = @worker
RETURNING failing_since, lagging_since;

-- name: ReleaseBadly :one
UPDATE connector_states
SET leased_by = NULL, leased_until = NULL, failures = failures + 1, stopped = @stop,
    held_until = CASE WHEN @stop::boolean THEN NULL ELSE now() + make_interval(secs => @seconds::double precision) END,
    due_at = CASE WHEN @stop::boolean THEN NULL ELSE now() + make_interval(secs => @seconds::double precision) END,
    last_error = @error, last_error_text = @error_text, last_error_at = now()
WHERE tenant_id = @tenant_id AND source_id = @source_id AND leased_by = @worker
RETURNING failures, failing_since, last_success_at;

-- name: ReleaseIdle :exec
-- The source is paused or the connection disabled.
UPDATE connector_states SET leased_by = NULL, leased_until = NULL, due_at = sqlc.narg('due_at')
WHERE tenant_id = @tenant_id AND source_id = @source_id AND leased_by = @worker;

-- name: SetFailing :execrows
UPDATE connector_states SET failing_since = now() WHERE tenant_id = @tenant_id AND source_id = @source_id AND failing_since IS NULL;

-- name: SetLagging :execrows
UPDATE connector_states SET lagging_since = @since::timestamptz WHERE tenant_id = @tenant_id AND source_id = @source_id AND lagging_since IS NULL;

-- name: SetWell :execrows
UPDATE connector_states SET failing_since = NULL, lagging_since = NULL
WHERE tenant_id = @tenant_id AND source_id = @source_id AND (failing_since IS NOT NULL OR lagging_since IS NOT NULL);

-- name: ListStreams :many
SELECT * FROM connector_streams WHERE tenant_id = @tenant_id AND source_id = @source_id ORDER BY stream;

-- name: EnsureStreams :exec
INSERT INTO connector_streams (tenant_id, source_id, stream)
SELECT @tenant_id, @source_id, s FROM unnest(@streams::text[]) s ON CONFLICT DO NOTHING;

-- name: DropStreams :exec
DELETE FROM connector_streams WHERE tenant_id = @tenant_id AND source_id = @source_id AND NOT stream = ANY(@streams::text[]);

-- name: WakeStreams :exec
UPDATE connector_streams SET due_at = least(due_at, now()), wakes = wakes + 1
WHERE tenant_id = @tenant_id AND source_id = @source_id AND stream = ANY(@streams::text[]);

-- name: SaveMark :exec
-- A stream that was called for meanwhile stays due, and one that was put back
-- meanwhile stays where it was put. Whoever has lost the source moves no mark.
UPDATE connector_streams t
SET mark_at = CASE WHEN rewinds = @rewinds THEN sqlc.narg('mark_at')::timestamptz ELSE mark_at END, token = CASE WHEN rewinds = @rewinds THEN @token ELSE token END,
    resume = CASE WHEN rewinds = @rewinds THEN '' ELSE resume END, read_at = @read_at::timestamptz, records = records + @records,
    due_at = CASE WHEN t.wakes = @wakes THEN now() + make_interval(secs => @seconds::double precision) ELSE t.due_at END
FROM connector_states s
WHERE t.tenant_id = @tenant_id AND t.source_id = @source_id AND t.stream = @stream
  AND s.tenant_id = t.tenant_id AND s.source_id = t.source_id AND s.leased_by = @worker;

-- name: SaveResume :exec
UPDATE connector_streams t SET resume = @resume FROM connector_states s
WHERE t.tenant_id = @tenant_id AND t.source_id = @source_id AND t.stream = @stream AND t.rewinds = @rewinds
  AND s.tenant_id = t.tenant_id AND s.source_id = t.source_id AND s.leased_by = @worker;

-- name: Rewind :exec
-- Reading starts again at a time, or from the beginning.
UPDATE connector_streams SET mark_at = sqlc.narg('mark_at'), token = '', resume = '', due_at = now(), wakes = wakes + 1, rewinds = rewinds + 1
WHERE tenant_id = @tenant_id AND source_id = @source_id AND (cardinality(@streams::text[]) = 0 OR stream = ANY(@streams::text[]));

-- name: PutFetches :exec
INSERT INTO connector_fetches (tenant_id, source_id, kind, external_id, reason)
SELECT @tenant_id, @source_id, u.kind, u.external_id, @reason
FROM (SELECT unnest(@kinds::text[])::text AS kind, unnest(@external_ids::text[])::text AS external_id) AS u
ON CONFLICT (tenant_id, source_id, kind, external_id) DO UPDATE SET reason = EXCLUDED.reason, due_at = least(connector_fetches.due_at, now())
WHERE EXCLUDED.reason <> 'stub';

-- name: ListFetches :many
SELECT * FROM connector_fetches
WHERE tenant_id = @tenant_id AND source_id = @source_id AND due_at <= now()
ORDER BY due_at, kind, external_id LIMIT @most;

-- name: CountFetches :one
SELECT count(*) FROM connector_fetches WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: ForgetFetches :exec
DELETE FROM connector_fetches WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: DropFetches :exec
DELETE FROM connector_fetches f USING (SELECT unnest(@kinds::text[])::text AS kind, unnest(@external_ids::text[])::text AS external_id) AS u
WHERE f.tenant_id = @tenant_id AND f.source_id = @source_id AND f.kind = u.kind AND f.external_id = u.external_id;

-- name: PostponeFetch :exec
UPDATE connector_fetches SET attempts = attempts + 1, due_at = now() + make_interval(secs => @seconds::double precision)
WHERE tenant_id = @tenant_id AND source_id = @source_id AND kind = @kind AND external_id = @external_id;

-- name: PutStubs :execrows
-- What something refers to and was never described, once it has had a moment to
-- arrive by itself.
INSERT INTO connector_fetches (tenant_id, source_id, kind, external_id, reason)
SELECT r.tenant_id, r.source_id, r.kind, r.external_id, 'stub'
FROM ticketing_records r
WHERE r.tenant_id = @tenant_id AND r.source_id = @source_id AND r.stub AND NOT r.deleted AND r.kind = ANY(@kinds::text[])
  AND NOT EXISTS (SELECT 1 FROM connector_dead_letters d WHERE d.tenant_id = r.tenant_id AND d.source_id = r.source_id AND d.kind = r.kind AND d.external_id = r.external_id)
LIMIT @most
ON CONFLICT DO NOTHING;

-- name: InsertMessage :one
-- A delivery that came before within a week is not kept again; the answer says
-- whether it was.
WITH delivery AS (
    INSERT INTO connector_deliveries (tenant_id, source_id, delivery)
    SELECT @tenant_id, @source_id, sqlc.narg('delivery')::text WHERE sqlc.narg('delivery')::text IS NOT NULL
    ON CONFLICT DO NOTHING RETURNING 1
), message AS (
    INSERT INTO connector_messages (tenant_id, id, source_id, connector, content_type, body, size)
    SELECT @tenant_id, @id, @source_id, @connector, @content_type, @body, @size
    WHERE sqlc.narg('delivery')::text IS NULL OR EXISTS (SELECT 1 FROM delivery)
    RETURNING id
), woken AS (
    UPDATE connector_states
    SET wakes = wakes + 1,
        due_at = CASE WHEN stopped THEN NULL ELSE least(due_at, now() + make_interval(secs => @seconds::double precision)) END
    WHERE tenant_id = @tenant_id AND source_id = @source_id AND EXISTS (SELECT 1 FROM message)
)
SELECT count(*)::bigint FROM message;

-- name: ListPendingMessages :many
SELECT * FROM connector_messages
WHERE tenant_id = @tenant_id AND source_id = @source_id AND status = 'pending'
ORDER BY id LIMIT @most;

-- name: CountPendingMessages :one
SELECT count(*) FROM connector_messages WHERE tenant_id = @tenant_id AND source_id = @source_id AND status = 'pending';

-- name: SettleMessages :exec
UPDATE connector_messages m SET status = u.status, note = nullif(u.note, ''), processed_at = now()
FROM (SELECT unnest(@ids::uuid[])::uuid AS id, unnest(@statuses::text[])::text AS status, unnest(@notes::text[])::text AS note) AS u
WHERE m.tenant_id = @tenant_id AND m.id = u.id;

-- name: GetMessage :one
SELECT * FROM connector_messages WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListMessages :many
SELECT tenant_id, id, source_id, connector, content_type, size, status, note, received_at, processed_at FROM connector_messages
WHERE tenant_id = @tenant_id AND source_id = @source_id AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status')::text)
  AND (sqlc.narg('after_at')::timestamptz IS NULL OR (received_at, id) < (sqlc.narg('after_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY received_at DESC, id DESC LIMIT @page_size;

-- name: PurgeMessages :execrows
DELETE FROM connector_messages WHERE tenant_id = @tenant_id AND received_at < @before;

-- name: PurgeDeliveries :execrows
DELETE FROM connector_deliveries WHERE tenant_id = @tenant_id AND received_at < @before;

-- name: PurgeDeadLetters :execrows
DELETE FROM connector_dead_letters WHERE tenant_id = @tenant_id AND status IN ('resolved', 'dismissed') AND updated_at < @before;

-- name: PutDeadLetter :one
INSERT INTO connector_dead_letters (tenant_id, id, source_id, kind, external_id, code, problem, record)
VALUES (@tenant_id, @id, @source_id, @kind, @external_id, @code, @problem, @record)
ON CONFLICT (tenant_id, source_id, kind, external_id) WHERE status IN ('open', 'retrying')
DO UPDATE SET code = EXCLUDED.code, problem = EXCLUDED.problem, status = 'open', attempts = connector_dead_letters.attempts + 1,
    version = connector_dead_letters.version + 1, updated_at = now()
RETURNING id;

-- name: SealDeadLetter :exec
UPDATE connector_dead_letters SET record = @record WHERE tenant_id = @tenant_id AND id = @id;

-- name: ResolveDeadLetters :execrows
UPDATE connector_dead_letters d SET status = 'resolved', record = NULL, version = version + 1, updated_at = now()
FROM (SELECT unnest(@kinds::text[])::text AS kind, unnest(@external_ids::text[])::text AS external_id) AS u
WHERE d.tenant_id = @tenant_id AND d.source_id = @source_id AND d.kind = u.kind AND d.external_id = u.external_id AND d.status IN ('open', 'retrying');

-- name: GetDeadLetter :one
SELECT * FROM connector_dead_letters WHERE tenant_id = @tenant_id AND source_id = @source_id AND id = @id;

-- name: LockDeadLetter :one
SELECT * FROM connector_dead_letters WHERE tenant_id = @tenant_id AND source_id = @source_id AND id = @id FOR UPDATE;

-- name: MarkDeadLetter :one
UPDATE connector_dead_letters SET status = @status, record = CASE WHEN @status = 'dismissed' THEN NULL ELSE record END, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListDeadLetters :many
SELECT * FROM connector_dead_letters
WHERE tenant_id = @tenant_id AND source_id = @source_id AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status')::text)
  AND (sqlc.narg('after_at')::timestamptz IS NULL OR (created_at, id) < (sqlc.narg('after_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC LIMIT @page_size;

-- name: CountDeadLetters :one
SELECT count(*) FROM connector_dead_letters WHERE tenant_id = @tenant_id AND source_id = @source_id AND status IN ('open', 'retrying');

-- name: ListLate :many
-- Sources whose main stream was last read whole before a time.
SELECT s.source_id, s.lagging_since, coalesce(t.read_at, c.created_at)::timestamptz AS read_at
FROM connector_states s
JOIN connector_connections c ON c.tenant_id = s.tenant_id AND c.source_id = s.source_id AND c.is_enabled
JOIN ticketing_sources x ON x.tenant_id = s.tenant_id AND x.id = s.source_id AND x.status = 'active'
JOIN connector_streams t ON t.tenant_id = s.tenant_id AND t.source_id = s.source_id
WHERE s.tenant_id = @tenant_id AND s.lagging_since IS NULL AND c.connector = @connector AND t.stream = @stream
  AND coalesce(t.read_at, c.created_at) < @before AND c.updated_at < @before;

-- name: FindDeadLetter :one
SELECT * FROM connector_dead_letters
WHERE tenant_id = @tenant_id AND source_id = @source_id AND kind = @kind AND external_id = @external_id AND status IN ('open', 'retrying');

-- name: Present :one
-- The present time of the database, by which things are due.
SELECT now()::timestamptz;

-- name: ListHeld :many
-- What is here of some orders, for comparison.
SELECT o.external_id, o.currency, o.commercial_state, o.gross_minor, o.due_minor, o.paid_minor, o.refunded_minor,
       (SELECT count(*) FROM ticketing_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current AND l.state IN ('valid', 'blocked'))::bigint AS valid_lines,
       r.content_modified_at, o.test
FROM ticketing_records r JOIN ticketing_orders o ON o.tenant_id = r.tenant_id AND o.id = r.id
WHERE r.tenant_id = @tenant_id AND r.source_id = @source_id AND r.kind = 'order' AND r.external_id = ANY(@external_ids::text[]) AND NOT o.deleted AND NOT o.stub;

-- name: ListHeldInWindow :many
-- The orders that are here of a window, by name. A test order is no sale.
SELECT external_id, currency, paid_minor, refunded_minor, gross_minor, due_minor FROM ticketing_orders
WHERE tenant_id = @tenant_id AND source_id = @source_id AND placed_at >= @from_at AND placed_at < @to_at AND NOT deleted AND NOT stub AND NOT test
  AND external_id > @after ORDER BY external_id LIMIT @most;

-- name: NoteAbsence :one
-- Each comparison counts an absence once, however often it is begun again.
INSERT INTO connector_absences (tenant_id, source_id, external_id, comparison) VALUES (@tenant_id, @source_id, @external_id, @comparison::uuid)
ON CONFLICT (tenant_id, source_id, external_id) DO UPDATE
SET times = connector_absences.times + (connector_absences.comparison IS DISTINCT FROM EXCLUDED.comparison)::integer, comparison = EXCLUDED.comparison, last_at = now()
RETURNING times;

-- name: DropAbsences :exec
DELETE FROM connector_absences WHERE tenant_id = @tenant_id AND source_id = @source_id AND external_id = ANY(@external_ids::text[]);

-- name: NoteReconciled :exec
UPDATE connector_states SET reconciled_at = @present::timestamptz, reconciled_with = @differences WHERE tenant_id = @tenant_id AND source_id = @source_id;

-- name: ListUnreconciled :many
-- Sources that were not compared since a time and whose clocks say that it is
-- night, or that have missed a night. The time moves at once, so that one process
-- starts one comparison.
UPDATE connector_states s SET reconciled_at = @present::timestamptz
FROM connector_connections c, ticketing_sources x
WHERE s.tenant_id = @tenant_id AND c.tenant_id = s.tenant_id AND c.source_id = s.source_id AND x.tenant_id = s.tenant_id AND x.id = s.source_id
  AND c.is_enabled AND x.status = 'active' AND NOT s.stopped AND c.connector = ANY(@connectors::text[])
  AND coalesce(s.reconciled_at, c.created_at) < @before::timestamptz
  AND (coalesce(s.reconciled_at, c.created_at) < @missed::timestamptz OR date_part('hour', timezone(x.time_zone, @present::timestamptz))::int = ANY(@hours::int[]))
RETURNING s.source_id;

-- name: SetHookVendorID :one
UPDATE connector_connections SET hook_vendor_id = @hook_vendor_id, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND source_id = @source_id
RETURNING *;

-- name: InsertCommand :one
INSERT INTO connector_commands (tenant_id, id, source_id, kind, data) VALUES (@tenant_id, @id, @source_id, @kind, @data)
RETURNING *;

-- name: GetCommand :one
SELECT * FROM connector_commands WHERE tenant_id = @tenant_id AND source_id = @source_id AND id = @id;

-- name: ListCommands :many
SELECT * FROM connector_commands
WHERE tenant_id = @tenant_id AND source_id = @source_id AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status')::text)
  AND (sqlc.narg('after_at')::timestamptz IS NULL OR (created_at, id) < (sqlc.narg('after_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC LIMIT @page_size;

-- name: IsWanted :one
SELECT EXISTS (SELECT 1 FROM connector_connections c JOIN ticketing_sources s ON s.tenant_id = c.tenant_id AND s.id = c.source_id
               WHERE c.tenant_id = @tenant_id AND c.source_id = @source_id AND c.is_enabled AND s.status = 'active')::boolean AS wanted;

-- name: ListOpenCommands :many
-- Those that are not due yet as well, since others may have to wait for them.
SELECT sqlc.embed(c), (c.due_at <= now())::boolean AS due FROM connector_commands c
WHERE c.tenant_id = @tenant_id AND c.source_id = @source_id AND c.status IN ('queued', 'sent')
ORDER BY c.id LIMIT @most;

-- name: MarkCommandSent :execrows
UPDATE connector_commands SET status = 'sent', attempts = attempts + 1, sent_at = coalesce(sent_at, now()), version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('queued', 'sent');

-- name: PostponeCommand :exec
UPDATE connector_commands SET due_at = now() + make_interval(secs => @seconds::double precision), version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id;

-- name: EndCommand :one
-- One that has ended meanwhile, since the person whom it names was erased, stays so.
UPDATE connector_commands
SET status = @status, data = NULL, result_kind = sqlc.narg('result_kind'), result_id = sqlc.narg('result_id'), error = sqlc.narg('error'), version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id AND status IN ('queued', 'sent')
RETURNING *;

-- name: PurgeCommands :execrows
DELETE FROM connector_commands WHERE tenant_id = @tenant_id AND status IN ('confirmed', 'rejected') AND updated_at < @before;

-- name: ListPositions :many
-- As of when some records are held.
SELECT kind, external_id, content_modified_at FROM ticketing_records
WHERE tenant_id = @tenant_id AND source_id = @source_id
  AND (kind, external_id) IN (SELECT unnest(@kinds::text[])::text, unnest(@external_ids::text[])::text);

-- name: EraseDeadLetters :execrows
-- What could not be taken in of somebody who is erased.
DELETE FROM connector_dead_letters d USING (SELECT unnest(@kinds::text[])::text AS kind, unnest(@external_ids::text[])::text AS external_id) AS u
WHERE d.tenant_id = @tenant_id AND d.source_id = @source_id AND d.kind = u.kind AND d.external_id = u.external_id;

-- name: EraseResults :exec
-- Names of accounts that commands made or changed.
UPDATE connector_commands SET result_id = NULL, error = NULL, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND source_id = @source_id AND result_kind = 'customer' AND result_id = ANY(@external_ids::text[]);

-- name: ListWaitingCommands :many
SELECT * FROM connector_commands
WHERE tenant_id = @tenant_id AND source_id = @source_id AND status IN ('queued', 'sent')
ORDER BY id FOR UPDATE;
