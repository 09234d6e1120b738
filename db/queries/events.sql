-- The writing side (recording, numbering) is in internal/events/record.go and
-- sequencer.go: its statements go out together, several in one round trip.

-- name: GetHead :one
SELECT sequence, digest FROM event_heads WHERE tenant_id = @tenant_id;

-- name: ListSequenced :many
-- The page is cut before it is joined, so that no plan, however little is known
-- of the tables yet, begins with the events; OFFSET 0 keeps the join in order.
SELECT s.sequence, s.digest, e.*, t.mode
FROM (
    SELECT q.tenant_id, q.sequence, q.digest, q.event_id FROM event_sequence q
    WHERE q.tenant_id = @tenant_id AND q.sequence > @after
    ORDER BY q.sequence
    LIMIT @page_size
) s
CROSS JOIN LATERAL (SELECT v.* FROM events v WHERE v.tenant_id = s.tenant_id AND v.id = s.event_id OFFSET 0) e
JOIN tenants t ON t.tenant_id = s.tenant_id
ORDER BY s.sequence;

-- name: ListSequencedOf :many
-- Filtered by type, over a stretch of the log; patterns are LIKE patterns.
SELECT s.sequence, s.digest, e.*, t.mode
FROM (
    SELECT q.tenant_id, q.sequence, q.digest, q.event_id FROM event_sequence q
    WHERE q.tenant_id = @tenant_id AND q.sequence > @after AND q.sequence <= @up_to
    ORDER BY q.sequence
    LIMIT @stretch
) s
CROSS JOIN LATERAL (SELECT v.* FROM events v WHERE v.tenant_id = s.tenant_id AND v.id = s.event_id OFFSET 0) e
JOIN tenants t ON t.tenant_id = s.tenant_id
WHERE e.type LIKE ANY(@patterns::text[])
ORDER BY s.sequence
LIMIT @page_size;

-- name: ListSequencedAbout :many
-- Of one subject: its events are found by the subject, not by reading the log.
SELECT s.sequence, s.digest, e.*, t.mode
FROM events e
JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
JOIN tenants t ON t.tenant_id = e.tenant_id
WHERE e.tenant_id = @tenant_id AND e.subject_id = @subject_id AND s.sequence > @after
  AND (cardinality(@patterns::text[]) = 0 OR e.type LIKE ANY(@patterns::text[]))
ORDER BY s.sequence
LIMIT @page_size;

-- name: GetSequenced :one
SELECT s.sequence, s.digest, e.*, t.mode
FROM events e
JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
JOIN tenants t ON t.tenant_id = e.tenant_id
WHERE e.tenant_id = @tenant_id AND e.id = @id;

-- name: GetChanges :one
SELECT changes FROM event_changes WHERE tenant_id = @tenant_id AND event_id = @event_id;

-- name: GetDigest :one
SELECT digest FROM event_sequence WHERE tenant_id = @tenant_id AND sequence = @sequence;

-- name: ListConsumers :many
SELECT * FROM event_consumers
WHERE tenant_id = @tenant_id AND NOT internal AND (sqlc.narg('after')::text IS NULL OR name > sqlc.narg('after'))
ORDER BY name
LIMIT @page_size;

-- name: GetConsumer :one
SELECT * FROM event_consumers WHERE tenant_id = @tenant_id AND name = @name AND NOT internal;

-- name: LockConsumer :one
SELECT * FROM event_consumers WHERE tenant_id = @tenant_id AND name = @name FOR UPDATE;

-- name: InsertConsumer :one
-- Nothing comes back when the consumer exists already.
INSERT INTO event_consumers (tenant_id, name, sequence) VALUES (@tenant_id, @name, @sequence)
ON CONFLICT DO NOTHING
RETURNING *;

-- name: MoveConsumer :one
UPDATE event_consumers SET sequence = @sequence, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND name = @name
RETURNING *;

-- name: DeleteConsumer :exec
DELETE FROM event_consumers WHERE tenant_id = @tenant_id AND name = @name AND NOT internal;

-- name: GetInternalPosition :one
SELECT sequence FROM event_consumers WHERE tenant_id = @tenant_id AND name = @name AND internal;

-- name: AdvanceInternal :exec
INSERT INTO event_consumers (tenant_id, name, sequence, internal) VALUES (@tenant_id, @name, @sequence, true)
ON CONFLICT (tenant_id, name) DO UPDATE SET sequence = excluded.sequence, version = event_consumers.version + 1, updated_at = now()
WHERE event_consumers.internal AND event_consumers.sequence < excluded.sequence;

-- name: PickSequenced :many
-- Events by their numbers, wherever they lie.
SELECT s.sequence, s.digest, e.*, t.mode
FROM event_sequence s
JOIN events e ON e.tenant_id = s.tenant_id AND e.id = s.event_id
JOIN tenants t ON t.tenant_id = s.tenant_id
WHERE s.tenant_id = @tenant_id AND s.sequence = ANY(@sequences::bigint[]);

-- name: ListNamedBy :many
-- The contacts that orders, accounts, what was bought with them and admissions
-- are of.
SELECT o.id, o.contact_id FROM ticketing_orders o WHERE o.tenant_id = @tenant_id AND o.id = ANY(@ids::uuid[])
UNION ALL
SELECT u.id, u.contact_id FROM ticketing_customers u WHERE u.tenant_id = @tenant_id AND u.id = ANY(@ids::uuid[])
UNION ALL
SELECT m.id, m.contact_id FROM ticketing_memberships m WHERE m.tenant_id = @tenant_id AND m.id = ANY(@ids::uuid[])
UNION ALL
SELECT g.id, g.contact_id FROM ticketing_gift_cards g WHERE g.tenant_id = @tenant_id AND g.id = ANY(@ids::uuid[])
UNION ALL
SELECT b.id, b.contact_id FROM ticketing_group_bookings b WHERE b.tenant_id = @tenant_id AND b.id = ANY(@ids::uuid[])
UNION ALL
SELECT v.id, v.contact_id FROM ticketing_vouchers v WHERE v.tenant_id = @tenant_id AND v.id = ANY(@ids::uuid[])
UNION ALL
SELECT s.id, o.contact_id FROM ticketing_scans s
LEFT JOIN ticketing_lines l ON l.tenant_id = s.tenant_id AND l.ticket_id = s.ticket_id
LEFT JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
WHERE s.tenant_id = @tenant_id AND s.id = ANY(@ids::uuid[]);

-- name: ListFormer :many
-- Whose the records of these events have ceased to be since.
SELECT id, unnest(former_contacts(tenant_id, subject_id, occurred_at))::uuid AS contact_id FROM events
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[])
  AND subject_kind IN ('order', 'ticketing_customer', 'membership', 'gift_card', 'group_booking', 'voucher');

-- name: ListHolders :many
-- Whose the records of these events were when they came: of the last event up to
-- them or of the same request, or else of the first after, that says whose; and
-- whose before, if the same request made it somebody else's.
SELECT e.id, unnest(array_remove(ARRAY[(l.facts ->> 'contact_id')::uuid,
    CASE WHEN l.together THEN (l.facts ->> 'previous_contact_id')::uuid END], NULL))::uuid AS contact_id
FROM events e CROSS JOIN LATERAL (
    SELECT n.facts, n.request_id <> '' AND n.request_id = e.request_id AS together FROM events n
    WHERE n.tenant_id = e.tenant_id AND n.subject_id = e.subject_id AND n.subject_kind = e.subject_kind
      AND (n.facts ->> 'contact_id' IS NOT NULL OR n.facts ->> 'previous_contact_id' IS NOT NULL)
    ORDER BY NOT (n.occurred_at <= e.occurred_at OR n.request_id <> '' AND n.request_id = e.request_id),
        CASE WHEN n.occurred_at <= e.occurred_at OR n.request_id = e.request_id THEN n.occurred_at END DESC, n.occurred_at, n.id
    LIMIT 1) l
WHERE e.tenant_id = @tenant_id AND e.id = ANY(@ids::uuid[])
  AND e.subject_kind IN ('order', 'ticketing_customer', 'membership', 'gift_card', 'group_booking', 'voucher');

-- name: ListAbout :many
-- Whom these events are about.
SELECT id, subject_kind, subject_id, facts FROM events WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);
