-- name: TakeNotes :many
DELETE FROM indicator_notes n
WHERE n.tenant_id = @tenant_id AND (n.contact_id, n.note) IN (SELECT w.contact_id, w.note FROM indicator_notes w WHERE w.tenant_id = @tenant_id ORDER BY w.contact_id LIMIT @at_most)
RETURNING n.contact_id;

-- name: FindStale :many
SELECT contact_id FROM contact_indicators WHERE tenant_id = @tenant_id AND stale_at <= @instant::timestamptz ORDER BY stale_at LIMIT @at_most;

-- name: IsNoted :one
SELECT EXISTS (SELECT 1 FROM indicator_notes WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]))::boolean;

-- name: NoteEverybody :execrows
INSERT INTO indicator_notes (tenant_id, contact_id)
SELECT DISTINCT b.tenant_id, b.contact_id FROM (
    SELECT o.tenant_id, o.contact_id FROM ticketing_orders o WHERE o.tenant_id = @tenant_id AND o.contact_id IS NOT NULL
    UNION ALL SELECT l.tenant_id, l.holder_contact_id FROM ticketing_lines l WHERE l.tenant_id = @tenant_id AND l.holder_contact_id IS NOT NULL
    UNION ALL SELECT i.tenant_id, i.contact_id FROM contact_indicators i WHERE i.tenant_id = @tenant_id) b;

-- name: CountNotes :one
SELECT count(*)::bigint FROM indicator_notes WHERE tenant_id = @tenant_id;

-- name: FindPersons :many
-- The contacts that live on for these, each with everybody merged into it.
WITH RECURSIVE up AS (
    SELECT c.id, c.merged_into FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = ANY(@ids::uuid[])
    UNION
    SELECT c.id, c.merged_into FROM contacts c JOIN up u ON c.id = u.merged_into WHERE c.tenant_id = @tenant_id
), persons AS (
    SELECT up.id AS survivor, up.id FROM up WHERE up.merged_into IS NULL
    UNION
    SELECT p.survivor, c.id FROM contacts c JOIN persons p ON c.merged_into = p.id WHERE c.tenant_id = @tenant_id
)
SELECT persons.survivor::uuid AS survivor, persons.id::uuid AS id FROM persons;

-- name: FindOrderFacts :many
SELECT o.id, o.contact_id, o.placed_at, o.created_at, o.commercial_state
FROM ticketing_orders o
WHERE o.tenant_id = @tenant_id AND o.contact_id = ANY(@ids::uuid[]) AND NOT o.test AND NOT o.stub AND NOT o.deleted
ORDER BY coalesce(o.placed_at, o.created_at), o.id;

-- name: FindMoneyFacts :many
-- All entries of one payment are dated as its source dates it now: what it was
-- before a correction, another name of it or an order taken back then count on
-- no day, and not from when that was heard of.
SELECT m.id, m.order_id, o.contact_id, m.amount_minor, m.currency,
       coalesce(p.at, first_value(coalesce(m.occurred_at, m.recorded_at)) OVER (PARTITION BY m.order_id, m.kind, m.external_id ORDER BY m.id))::timestamptz AS at
FROM ticketing_orders o
JOIN ticketing_movements m ON m.tenant_id = o.tenant_id AND m.order_id = o.id
LEFT JOIN ticketing_payments p ON p.tenant_id = m.tenant_id AND p.order_id = m.order_id AND p.kind = m.kind AND p.external_id = m.external_id AND p.state = 'settled'
WHERE o.tenant_id = @tenant_id AND o.contact_id = ANY(@ids::uuid[]) AND NOT o.test AND NOT o.stub AND NOT o.deleted
ORDER BY at, m.id;

-- name: FindTicketFacts :many
-- Tickets that these contacts bought or hold. came: its entry was recorded;
-- watched: somebody's entry to that performance was.
SELECT l.ticket_id, l.order_id, l.kind, l.state, o.contact_id AS buyer_id, l.holder_contact_id AS holder_id, o.commercial_state,
       coalesce(o.placed_at, o.created_at)::timestamptz AS placed_at, l.performance_id, p.starts_at,
       EXISTS (SELECT 1 FROM ticketing_scans s WHERE s.tenant_id = l.tenant_id AND s.ticket_id = l.ticket_id AND s.entered_id = l.performance_id AND s.attended)::boolean AS came,
       EXISTS (SELECT 1 FROM ticketing_scans s WHERE s.tenant_id = l.tenant_id AND s.entered_id = l.performance_id AND s.attended)::boolean AS watched,
       coalesce(p.status IN ('cancelled', 'postponed') OR p.deleted, false)::boolean AS called_off, coalesce(r.discipline, '')::text AS discipline, coalesce(r.season, '')::text AS season
FROM ticketing_orders o
JOIN ticketing_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current
LEFT JOIN ticketing_performances p ON p.tenant_id = l.tenant_id AND p.id = l.performance_id
LEFT JOIN ticketing_productions r ON r.tenant_id = p.tenant_id AND r.id = p.production_id AND NOT r.deleted AND NOT p.deleted
WHERE o.tenant_id = @tenant_id AND NOT o.test AND NOT o.stub AND NOT o.deleted
  AND o.id IN (SELECT b.id FROM ticketing_orders b WHERE b.tenant_id = @tenant_id AND b.contact_id = ANY(@ids::uuid[])
               UNION SELECT h.order_id FROM ticketing_lines h WHERE h.tenant_id = @tenant_id AND h.holder_contact_id = ANY(@ids::uuid[]))
ORDER BY coalesce(o.placed_at, o.created_at), l.ticket_id;

-- name: KeepFigures :exec
INSERT INTO contact_indicators (tenant_id, contact_id, figures, orders, orders_last_year, tickets, visits, missed_visits, subscriptions, last_order_at, first_visit_at, last_visit_at, counted_at, stale_at)
VALUES (@tenant_id, @contact_id, @figures, @orders, @orders_last_year::integer, @tickets, @visits::integer, @missed_visits::integer, @subscriptions::integer,
    sqlc.narg('last_order_at')::timestamptz, sqlc.narg('first_visit_at')::timestamptz, sqlc.narg('last_visit_at')::timestamptz, @counted_at, sqlc.narg('stale_at')::timestamptz)
ON CONFLICT (tenant_id, contact_id) DO UPDATE
SET figures = EXCLUDED.figures, orders = EXCLUDED.orders, orders_last_year = EXCLUDED.orders_last_year, tickets = EXCLUDED.tickets, visits = EXCLUDED.visits,
    missed_visits = EXCLUDED.missed_visits, subscriptions = EXCLUDED.subscriptions, last_order_at = EXCLUDED.last_order_at, first_visit_at = EXCLUDED.first_visit_at,
    last_visit_at = EXCLUDED.last_visit_at, counted_at = EXCLUDED.counted_at, stale_at = EXCLUDED.stale_at;

-- name: DropOtherNets :exec
DELETE FROM contact_indicator_nets WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND currency <> ALL(@currencies::text[]);

-- name: KeepNets :exec
INSERT INTO contact_indicator_nets (tenant_id, contact_id, currency, net_minor, net_last_year_minor)
SELECT @tenant_id, @contact_id, unnest(@currencies::text[]), unnest(@nets::bigint[]), unnest(@last_year::bigint[])
ON CONFLICT (tenant_id, contact_id, currency) DO UPDATE SET net_minor = EXCLUDED.net_minor, net_last_year_minor = EXCLUDED.net_last_year_minor;

-- name: DropFigures :exec
DELETE FROM contact_indicators WHERE tenant_id = @tenant_id AND contact_id = ANY(@ids::uuid[]);

-- name: GetFigures :one
SELECT * FROM contact_indicators WHERE tenant_id = @tenant_id AND contact_id = @contact_id;

-- name: GetZone :one
SELECT time_zone FROM tenants WHERE tenant_id = @tenant_id;

-- name: CountCaptured :many
-- Of the tickets of a period, how many have a buyer who is known, and one who can
-- be reached, by channel.
SELECT coalesce(o.channel_kind, 'other')::text AS channel, count(*)::bigint AS tickets,
       count(*) FILTER (WHERE o.contact_id IS NOT NULL)::bigint AS identified,
       count(*) FILTER (WHERE o.contact_id IS NOT NULL AND EXISTS (
           SELECT 1 FROM contact_points c WHERE c.tenant_id = o.tenant_id AND c.contact_id = CASE WHEN k.merged_into IS NULL THEN k.id ELSE survivor_of(k.tenant_id, k.id) END AND c.kind IN ('email', 'phone') AND c.status IN ('unverified', 'valid')))::bigint AS reachable
FROM ticketing_orders o
JOIN ticketing_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current AND l.kind = 'ticket' AND l.state IN ('valid', 'transferred', 'blocked')
LEFT JOIN contacts k ON k.tenant_id = o.tenant_id AND k.id = o.contact_id
WHERE o.tenant_id = @tenant_id AND NOT o.test AND NOT o.stub AND NOT o.deleted AND o.commercial_state = 'confirmed'
  AND o.placed_at >= @placed_from::timestamptz AND o.placed_at < @placed_before::timestamptz
  AND (sqlc.narg('source_id')::uuid IS NULL OR o.source_id = sqlc.narg('source_id'))
GROUP BY 1 ORDER BY 1;

-- name: FindSource :one
SELECT id, code FROM ticketing_sources WHERE tenant_id = @tenant_id AND (code = @reference OR id::text = @reference);
