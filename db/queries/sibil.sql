-- name: GetSettings :one
SELECT * FROM sibil_settings WHERE tenant_id = @tenant_id;

-- name: EnsureSettings :exec
INSERT INTO sibil_settings (tenant_id) VALUES (@tenant_id) ON CONFLICT (tenant_id) DO NOTHING;

-- name: LockSettings :one
SELECT * FROM sibil_settings WHERE tenant_id = @tenant_id FOR UPDATE;

-- name: UpdateSettings :one
UPDATE sibil_settings
SET base_url = @base_url, username = @username, password = @password, multiple_managers = @multiple_managers, registers = @registers,
    domain_labels = @domain_labels, is_enabled = @is_enabled, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id
RETURNING *;

-- name: InstitutionTimeZone :one
SELECT time_zone FROM tenants WHERE tenant_id = @tenant_id;

-- name: ListStatements :many
-- What is to be declared of each performance of a quarter, from orders as they
-- are now. A performance belongs to the quarter of its date at its place.
-- Money given back that no cancelled line explains is taken off the valid lines
-- that the refunds name, and what they do not name off all valid lines of the
-- order, each getting what the running share comes to, so that the cents add up.
WITH page AS (
    SELECT p.id, p.source_id, p.external_id, p.name, p.starts_at, p.time_zone, p.capacity, p.production_id, p.venue_id, p.sibil_domain, p.young_audience
    FROM ticketing_performances p
    WHERE p.tenant_id = @tenant_id AND NOT p.stub AND NOT p.deleted AND p.status IN ('scheduled', 'closed')
      AND p.starts_at >= @from_instant AND p.starts_at < @until_instant
      AND (p.starts_at AT TIME ZONE p.time_zone)::date >= @first_day::date
      AND (p.starts_at AT TIME ZONE p.time_zone)::date < @after_day::date
      AND (cardinality(@performances::uuid[]) = 0 OR p.id = ANY(@performances::uuid[]))
      AND (sqlc.narg('after_starts_at')::timestamptz IS NULL OR (p.starts_at, p.id) > (sqlc.narg('after_starts_at')::timestamptz, sqlc.narg('after_id')::uuid))
    ORDER BY p.starts_at, p.id
    LIMIT @page_size
), tickets AS (
    SELECT l.performance_id, l.order_id, l.ticket_id, l.amount_minor, o.currency, coalesce(t.class, 'other') AS class,
           coalesce(t.class_origin, 'unmapped') = 'unmapped' AS unmapped,
           least(o.refunded_minor, greatest(0, o.due_minor - (o.paid_minor - o.refunded_minor))) AS excess
    FROM page p
    JOIN ticketing_lines l ON l.tenant_id = @tenant_id AND l.performance_id = p.id AND l.current AND l.state IN ('valid', 'blocked')
                          AND l.kind IN ('ticket', 'pass', 'subscription')
    JOIN ticketing_orders o ON o.tenant_id = @tenant_id AND o.id = l.order_id AND o.commercial_state = 'confirmed' AND NOT o.test AND NOT o.deleted AND NOT o.stub
    LEFT JOIN ticketing_price_types t ON t.tenant_id = @tenant_id AND t.id = l.price_type_id
), lines AS (
    SELECT r.order_id, r.excess, l.ticket_id, l.rank, l.external_id, l.amount_minor, l.state IN ('valid', 'blocked') AS stands
    FROM (SELECT DISTINCT order_id, excess FROM tickets WHERE excess > 0) r
    JOIN ticketing_lines l ON l.tenant_id = @tenant_id AND l.order_id = r.order_id AND l.current AND l.amount_minor > 0
), parts AS (
    -- Of a refund that names lines, the lines that do not stand explain what they
    -- cost; the rest is of those that do, by their amounts.
    SELECT l.order_id, l.ticket_id, l.stands, l.amount_minor,
           least(l.amount_minor, l.amount_minor * greatest(0, refund.amount_minor - coalesce(sum(l.amount_minor) FILTER (WHERE NOT l.stands) OVER of_refund, 0))
               / nullif(sum(l.amount_minor) FILTER (WHERE l.stands) OVER of_refund, 0)) AS part
    FROM lines l
    JOIN ticketing_payments refund ON refund.tenant_id = @tenant_id AND refund.order_id = l.order_id AND refund.kind = 'refund' AND refund.state = 'settled' AND l.external_id = ANY(refund.lines)
    WINDOW of_refund AS (PARTITION BY refund.order_id, refund.external_id)
), wanted AS (
    SELECT l.order_id, l.ticket_id, l.rank, l.amount_minor, l.excess, least(l.amount_minor, coalesce(sum(x.part), 0)) AS named
    FROM lines l
    LEFT JOIN parts x ON x.order_id = l.order_id AND x.ticket_id = l.ticket_id
    WHERE l.stands
    GROUP BY l.order_id, l.ticket_id, l.rank, l.amount_minor, l.excess
), named AS (
    SELECT s.order_id, s.ticket_id, s.rank, s.amount_minor, s.excess,
           (round(least(s.excess, s.total) * s.running / s.total) - round(least(s.excess, s.total) * (s.running - s.named) / s.total))::bigint AS minor
    FROM (
        SELECT x.order_id, x.ticket_id, x.rank, x.amount_minor, x.excess, x.named,
               sum(x.named) OVER (PARTITION BY x.order_id ORDER BY x.rank, x.ticket_id) AS running, greatest(sum(x.named) OVER (PARTITION BY x.order_id), 0.0001) AS total
        FROM wanted x
    ) s
), shares AS (
    SELECT s.order_id, s.ticket_id, s.minor,
           (round(s.rest * s.running / s.total) - round(s.rest * (s.running - s.left_minor) / s.total))::bigint AS spread
    FROM (
        SELECT n.order_id, n.ticket_id, n.minor, n.amount_minor - n.minor AS left_minor,
               least(n.excess - sum(n.minor) OVER of_order, sum(n.amount_minor - n.minor) OVER of_order) AS rest,
               sum(n.amount_minor - n.minor) OVER (PARTITION BY n.order_id ORDER BY n.rank, n.ticket_id) AS running,
               greatest(sum(n.amount_minor - n.minor) OVER of_order, 0.0001) AS total
        FROM named n
        WINDOW of_order AS (PARTITION BY n.order_id)
    ) s
), figures AS (
    SELECT t.performance_id, count(*) AS tickets,
           count(*) FILTER (WHERE t.amount_minor <> 0) AS paid,
           count(*) FILTER (WHERE t.amount_minor <> 0 AND t.class = 'full') AS full_price,
           count(*) FILTER (WHERE t.amount_minor <> 0 AND t.class = 'subscription') AS subscription,
           coalesce(sum(t.amount_minor - coalesce(s.minor + s.spread, 0)) FILTER (WHERE t.currency = 'EUR'), 0) AS revenue,
           coalesce(sum(t.amount_minor - coalesce(s.minor + s.spread, 0)) FILTER (WHERE t.currency = 'EUR' AND t.class = 'full'), 0) AS full_revenue,
           coalesce(sum(t.amount_minor - coalesce(s.minor + s.spread, 0)) FILTER (WHERE t.currency = 'EUR' AND t.class = 'subscription'), 0) AS subscription_revenue,
           coalesce(sum(s.spread) FILTER (WHERE t.currency = 'EUR'), 0) AS spread,
           count(*) FILTER (WHERE t.amount_minor <> 0 AND t.unmapped) AS unmapped,
           count(*) FILTER (WHERE t.amount_minor < 0) AS negative,
           count(*) FILTER (WHERE t.currency <> 'EUR') AS foreign_currency
    FROM tickets t
    LEFT JOIN shares s ON s.order_id = t.order_id AND s.ticket_id = t.ticket_id
    GROUP BY t.performance_id
)
SELECT p.id, p.external_id, c.code AS source, p.name, p.starts_at, p.time_zone, coalesce(p.capacity, v.capacity) AS capacity,
       g.name AS production_name, coalesce(nullif(p.sibil_domain, ''), g.sibil_domain) AS domain, coalesce(p.young_audience, g.young_audience, false) AS young_audience,
       v.id AS venue_id, v.name AS venue_name, w.name AS place_name,
       v.street, v.postal_code, v.city, w.street AS place_street, w.postal_code AS place_postal_code, w.city AS place_city,
       coalesce(v.siret, w.siret) AS siret, coalesce(v.sibil_type, w.sibil_type) AS venue_type,
       coalesce(f.tickets, 0)::bigint AS tickets, coalesce(f.paid, 0)::bigint AS paid, coalesce(f.full_price, 0)::bigint AS full_price,
       coalesce(f.subscription, 0)::bigint AS subscription, coalesce(f.revenue, 0)::bigint AS revenue, coalesce(f.full_revenue, 0)::bigint AS full_revenue,
       coalesce(f.subscription_revenue, 0)::bigint AS subscription_revenue, coalesce(f.spread, 0)::bigint AS spread,
       coalesce(f.unmapped, 0)::bigint AS unmapped, coalesce(f.negative, 0)::bigint AS negative, coalesce(f.foreign_currency, 0)::bigint AS foreign_currency,
       d.digest, d.sibil_id, d.declared_at
FROM page p
JOIN ticketing_sources c ON c.tenant_id = @tenant_id AND c.id = p.source_id
LEFT JOIN ticketing_productions g ON g.tenant_id = @tenant_id AND g.id = p.production_id AND NOT g.deleted
LEFT JOIN ticketing_venues v ON v.tenant_id = @tenant_id AND v.id = p.venue_id AND NOT v.deleted
LEFT JOIN ticketing_venues w ON w.tenant_id = @tenant_id AND w.id = v.parent_id AND NOT w.deleted
LEFT JOIN figures f ON f.performance_id = p.id
LEFT JOIN sibil_settings e ON e.tenant_id = @tenant_id
LEFT JOIN sibil_declarations d ON d.tenant_id = @tenant_id AND d.performance_id = p.id AND d.base_url = e.base_url
ORDER BY p.starts_at, p.id;

-- name: ListDeclared :many
-- Performances of which SIBIL has a declaration in a quarter, whether or not they
-- are still to be declared.
SELECT d.performance_id FROM sibil_declarations d JOIN sibil_settings e ON e.tenant_id = d.tenant_id AND e.base_url = d.base_url
WHERE d.tenant_id = @tenant_id AND d.quarter = @quarter;

-- name: InsertReady :one
INSERT INTO sibil_quarters (tenant_id, id, quarter, ready_at) VALUES (@tenant_id, @id, @quarter, @ready_at)
ON CONFLICT (tenant_id, quarter) DO NOTHING
RETURNING *;

-- name: WasReady :one
SELECT EXISTS (SELECT 1 FROM sibil_quarters WHERE tenant_id = @tenant_id AND quarter = @quarter)::boolean AS told;

-- name: SubmissionUnderWay :one
SELECT EXISTS (
    SELECT 1 FROM sibil_submissions s JOIN operations o ON o.tenant_id = s.tenant_id AND o.id = s.operation_id
    WHERE s.tenant_id = @tenant_id AND s.finished_at IS NULL AND o.finished_at IS NULL)::boolean AS under_way;

-- name: InsertSubmission :exec
INSERT INTO sibil_submissions (tenant_id, id, quarter, operation_id, base_url) VALUES (@tenant_id, @id, @quarter, @operation_id, @base_url);

-- name: InsertItem :exec
INSERT INTO sibil_submission_items (tenant_id, submission_id, performance_id, rank, external_key, digest, statement, status, sibil_id, was_declared)
VALUES (@tenant_id, @submission_id, @performance_id, @rank, @external_key, @digest, @statement, @status, @sibil_id, @was_declared);

-- name: GetSubmission :one
SELECT s.*, coalesce(o.status, CASE WHEN s.finished_at IS NULL THEN 'failed' ELSE 'succeeded' END)::text AS status, o.problem, o.finished_at AS ended_at,
       i.declarations, i.pending, i.created, i.updated, i.unchanged, i.duplicate, i.rejected
FROM sibil_submissions s
LEFT JOIN operations o ON o.tenant_id = s.tenant_id AND o.id = s.operation_id
CROSS JOIN LATERAL (
    SELECT count(*) AS declarations, count(*) FILTER (WHERE i.status = 'pending') AS pending, count(*) FILTER (WHERE i.status = 'created') AS created,
           count(*) FILTER (WHERE i.status = 'updated') AS updated, count(*) FILTER (WHERE i.status = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE i.status = 'duplicate') AS duplicate, count(*) FILTER (WHERE i.status = 'rejected') AS rejected
    FROM sibil_submission_items i WHERE i.tenant_id = s.tenant_id AND i.submission_id = s.id) i
WHERE s.tenant_id = @tenant_id AND s.id = @id;

-- name: ListSubmissions :many
SELECT s.*, coalesce(o.status, CASE WHEN s.finished_at IS NULL THEN 'failed' ELSE 'succeeded' END)::text AS status, o.problem, o.finished_at AS ended_at,
       i.declarations, i.pending, i.created, i.updated, i.unchanged, i.duplicate, i.rejected
FROM sibil_submissions s
LEFT JOIN operations o ON o.tenant_id = s.tenant_id AND o.id = s.operation_id
CROSS JOIN LATERAL (
    SELECT count(*) AS declarations, count(*) FILTER (WHERE i.status = 'pending') AS pending, count(*) FILTER (WHERE i.status = 'created') AS created,
           count(*) FILTER (WHERE i.status = 'updated') AS updated, count(*) FILTER (WHERE i.status = 'unchanged') AS unchanged,
           count(*) FILTER (WHERE i.status = 'duplicate') AS duplicate, count(*) FILTER (WHERE i.status = 'rejected') AS rejected
    FROM sibil_submission_items i WHERE i.tenant_id = s.tenant_id AND i.submission_id = s.id) i
WHERE s.tenant_id = @tenant_id
  AND (sqlc.narg('after_created_at')::timestamptz IS NULL
       OR (s.created_at, s.id) < (sqlc.narg('after_created_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY s.created_at DESC, s.id DESC
LIMIT @page_size;

-- name: ListItems :many
SELECT * FROM sibil_submission_items WHERE tenant_id = @tenant_id AND submission_id = @submission_id ORDER BY rank;

-- name: LockSubmission :one
SELECT * FROM sibil_submissions WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: AnswerItem :exec
UPDATE sibil_submission_items
SET status = @status, sibil_id = coalesce(sqlc.narg('sibil_id'), sibil_id), detail = sqlc.narg('detail'), answered_at = @answered_at
WHERE tenant_id = @tenant_id AND submission_id = @submission_id AND performance_id = @performance_id;

-- name: KeepDeclaration :exec
INSERT INTO sibil_declarations (tenant_id, performance_id, external_key, digest, sibil_id, base_url, quarter, submission_id, declared_at)
VALUES (@tenant_id, @performance_id, @external_key, @digest, @sibil_id, @base_url, @quarter, @submission_id, @declared_at)
ON CONFLICT (tenant_id, performance_id) DO UPDATE
SET digest = excluded.digest, sibil_id = excluded.sibil_id, base_url = excluded.base_url, quarter = excluded.quarter, submission_id = excluded.submission_id, declared_at = excluded.declared_at;

-- name: FinishSubmission :one
UPDATE sibil_submissions SET finished_at = @finished_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id AND finished_at IS NULL
RETURNING *;
