-- name: FindVenues :many
SELECT * FROM ticketing_venues WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindProducts :many
SELECT * FROM ticketing_products WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindMemberships :many
SELECT * FROM ticketing_memberships WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindGiftCards :many
SELECT * FROM ticketing_gift_cards WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindGiftCardBalances :many
SELECT gift_card_id, external_id, currency, sum(amount_minor)::bigint AS balance
FROM ticketing_gift_card_entries
WHERE tenant_id = @tenant_id AND gift_card_id = ANY(@ids::uuid[])
GROUP BY gift_card_id, external_id, currency;

-- name: FindScans :many
SELECT * FROM ticketing_scans WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindGroupBookings :many
SELECT * FROM ticketing_group_bookings WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: SettleAttendance :many
-- By which scan each ticket counts as used for a performance: its first accepted
-- entry that was recorded within seven days of the performance. It follows from
-- what is held alone, so that it comes out the same whatever arrived first.
-- Returns what changed, with what was.
WITH touched AS (
    SELECT s.id, s.ticket_id FROM ticketing_scans s WHERE s.tenant_id = @tenant_id AND s.id = ANY(@scans::uuid[])
    UNION
    SELECT s.id, s.ticket_id FROM ticketing_scans s WHERE s.tenant_id = @tenant_id AND s.ticket_id = ANY(@tickets::uuid[])
    UNION
    SELECT s.id, s.ticket_id FROM ticketing_scans s WHERE s.tenant_id = @tenant_id AND s.entered_id = ANY(@performances::uuid[])
), affected AS (
    SELECT t.id FROM touched t
    UNION
    SELECT s.id FROM ticketing_scans s WHERE s.tenant_id = @tenant_id AND s.ticket_id IN (SELECT t.ticket_id FROM touched t WHERE t.ticket_id IS NOT NULL)
), judged AS (
    SELECT s.id, s.ticket_id, s.occurred_at, s.external_id, s.entered_id AS entered_before, s.attended AS attended_before, s.late AS late_before,
           coalesce(s.performance_id, l.performance_id) AS entered, l.order_id,
           coalesce(coalesce(s.recorded_at, s.occurred_at) > coalesce(p.ends_at, p.starts_at) + interval '7 days', false) AS late,
           s.ticket_id IS NOT NULL AND s.direction = 'entry' AND s.result = 'accepted' AND NOT s.deleted AND NOT s.stub AND s.absent_at IS NULL AND NOT coalesce(o.test, false) AS entry
    FROM affected a
    JOIN ticketing_scans s ON s.tenant_id = @tenant_id AND s.id = a.id
    LEFT JOIN ticketing_lines l ON l.tenant_id = s.tenant_id AND l.ticket_id = s.ticket_id AND l.current
    LEFT JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
    LEFT JOIN ticketing_performances p ON p.tenant_id = s.tenant_id AND p.id = coalesce(s.performance_id, l.performance_id)
), ranked AS (
    SELECT j.*, j.entry AND NOT j.late AND row_number() OVER (PARTITION BY j.ticket_id, j.entered, j.entry AND NOT j.late ORDER BY j.occurred_at, j.external_id) = 1 AS attended
    FROM judged j
)
UPDATE ticketing_scans s
SET entered_id = r.entered, late = r.late, attended = r.attended,
    version = CASE WHEN s.id = ANY(@scans::uuid[]) THEN s.version ELSE s.version + 1 END, updated_at = CASE WHEN s.id = ANY(@scans::uuid[]) THEN s.updated_at ELSE @settled_at END
FROM ranked r
WHERE s.tenant_id = @tenant_id AND s.id = r.id
  AND (r.entered IS DISTINCT FROM r.entered_before OR r.late <> r.late_before OR r.attended <> r.attended_before)
RETURNING s.id, s.ticket_id, s.occurred_at, coalesce(r.order_id, '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS order_id, s.entered_id, s.late, s.attended, r.entered_before, r.attended_before;

-- name: SettleMembershipOwners :many
-- Whose each membership is: the contact its source names by our own identifier,
-- the holder of the ticket that sold it, the account, or the buyer where nobody
-- else is said to hold it.
WITH wanted AS MATERIALIZED (
    SELECT unnest(@own::uuid[]) AS id
    UNION SELECT x.id FROM ticketing_memberships x WHERE x.tenant_id = @tenant_id AND x.customer_id = ANY(@customers::uuid[])
    UNION SELECT x.id FROM ticketing_memberships x WHERE x.tenant_id = @tenant_id AND x.order_id = ANY(@orders::uuid[])
    UNION SELECT x.id FROM ticketing_memberships x WHERE x.tenant_id = @tenant_id AND x.ticket_id = ANY(@tickets::uuid[])
), w AS MATERIALIZED (
    SELECT m.id, m.contact_id AS contact_before,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL ELSE coalesce(k.id, l.holder_contact_id, c.contact_id, e.contact_id, CASE WHEN m.holder IS NULL AND l.holder IS NULL THEN o.contact_id END) END AS contact_id,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL WHEN k.id IS NOT NULL THEN 'contact_id' WHEN l.holder_contact_id IS NOT NULL THEN 'holder' WHEN coalesce(c.contact_id, e.contact_id) IS NOT NULL THEN 'customer'
                WHEN m.holder IS NULL AND l.holder IS NULL AND o.contact_id IS NOT NULL THEN 'buyer' ELSE 'unknown' END AS rule
    FROM wanted n
    JOIN ticketing_memberships m ON m.tenant_id = @tenant_id AND m.id = n.id
    -- A value, by which the index may be asked before the policies are.
    LEFT JOIN LATERAL (SELECT (m.holder ->> 'contact_id')::uuid AS id OFFSET 0) named ON true
    LEFT JOIN contacts k ON k.tenant_id = m.tenant_id AND k.id = named.id
    LEFT JOIN ticketing_lines l ON l.tenant_id = m.tenant_id AND l.ticket_id = m.ticket_id AND l.current
    LEFT JOIN ticketing_customers c ON c.tenant_id = m.tenant_id AND c.id = m.customer_id
    LEFT JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
    LEFT JOIN contact_external_ids e ON e.tenant_id = m.tenant_id AND e.source = 'ticketing:' || s.code AND e.external_id = c.external_id
    LEFT JOIN ticketing_orders o ON o.tenant_id = m.tenant_id AND o.id = coalesce(m.order_id, l.order_id)
)
UPDATE ticketing_memberships t
SET contact_id = w.contact_id, contact_rule = w.rule, version = CASE WHEN t.id = ANY(@own::uuid[]) THEN t.version ELSE t.version + 1 END, updated_at = @settled_at
FROM w
WHERE t.tenant_id = @tenant_id AND t.id = w.id AND (t.contact_id IS DISTINCT FROM w.contact_id OR t.contact_rule IS DISTINCT FROM w.rule)
RETURNING t.id, t.contact_id, t.contact_rule, t.version, w.contact_before;

-- name: SettleGiftCardOwners :many
WITH wanted AS MATERIALIZED (
    SELECT unnest(@own::uuid[]) AS id
    UNION SELECT x.id FROM ticketing_gift_cards x WHERE x.tenant_id = @tenant_id AND x.customer_id = ANY(@customers::uuid[])
    UNION SELECT x.id FROM ticketing_gift_cards x WHERE x.tenant_id = @tenant_id AND x.order_id = ANY(@orders::uuid[])
    UNION SELECT x.id FROM ticketing_gift_cards x WHERE x.tenant_id = @tenant_id AND x.ticket_id = ANY(@tickets::uuid[])
), w AS MATERIALIZED (
    SELECT m.id, m.contact_id AS contact_before,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL ELSE coalesce(l.holder_contact_id, c.contact_id, e.contact_id, CASE WHEN l.holder IS NULL THEN o.contact_id END) END AS contact_id,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL WHEN l.holder_contact_id IS NOT NULL THEN 'holder' WHEN coalesce(c.contact_id, e.contact_id) IS NOT NULL THEN 'customer'
                WHEN l.holder IS NULL AND o.contact_id IS NOT NULL THEN 'buyer' ELSE 'unknown' END AS rule
    FROM wanted n
    JOIN ticketing_gift_cards m ON m.tenant_id = @tenant_id AND m.id = n.id
    LEFT JOIN ticketing_lines l ON l.tenant_id = m.tenant_id AND l.ticket_id = m.ticket_id AND l.current
    LEFT JOIN ticketing_customers c ON c.tenant_id = m.tenant_id AND c.id = m.customer_id
    LEFT JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
    LEFT JOIN contact_external_ids e ON e.tenant_id = m.tenant_id AND e.source = 'ticketing:' || s.code AND e.external_id = c.external_id
    LEFT JOIN ticketing_orders o ON o.tenant_id = m.tenant_id AND o.id = coalesce(m.order_id, l.order_id)
)
UPDATE ticketing_gift_cards t
SET contact_id = w.contact_id, contact_rule = w.rule, version = CASE WHEN t.id = ANY(@own::uuid[]) THEN t.version ELSE t.version + 1 END, updated_at = @settled_at
FROM w
WHERE t.tenant_id = @tenant_id AND t.id = w.id AND (t.contact_id IS DISTINCT FROM w.contact_id OR t.contact_rule IS DISTINCT FROM w.rule)
RETURNING t.id, t.contact_id, t.contact_rule, t.version, w.contact_before;

-- name: SettleGroupBookingOwners :many
-- The organisation by its account or our own identifier, or else the buyer of the
-- order where the source names no organisation; the contact person likewise.
WITH wanted AS MATERIALIZED (
    SELECT unnest(@own::uuid[]) AS id
    UNION SELECT x.id FROM ticketing_group_bookings x WHERE x.tenant_id = @tenant_id AND x.organisation_customer_id = ANY(@customers::uuid[])
    UNION SELECT x.id FROM ticketing_group_bookings x WHERE x.tenant_id = @tenant_id AND x.person_customer_id = ANY(@customers::uuid[])
    UNION SELECT x.id FROM ticketing_group_bookings x WHERE x.tenant_id = @tenant_id AND x.order_id = ANY(@orders::uuid[])
), w AS MATERIALIZED (
    SELECT m.id, m.contact_id AS contact_before,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL ELSE coalesce(k.id, c.contact_id, e.contact_id, CASE WHEN m.organisation IS NULL THEN o.contact_id END) END AS contact_id,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL ELSE coalesce(h.id, q.contact_id, f.contact_id) END AS person_id,
           CASE WHEN m.test OR m.deleted OR m.stub OR coalesce(o.test, false) THEN NULL WHEN k.id IS NOT NULL THEN 'contact_id' WHEN coalesce(c.contact_id, e.contact_id) IS NOT NULL THEN 'customer'
                WHEN m.organisation IS NULL AND o.contact_id IS NOT NULL THEN 'buyer' ELSE 'unknown' END AS rule
    FROM wanted n
    JOIN ticketing_group_bookings m ON m.tenant_id = @tenant_id AND m.id = n.id
    -- Values, by which the index may be asked before the policies are.
    LEFT JOIN LATERAL (SELECT (m.organisation ->> 'contact_id')::uuid AS id, (m.person ->> 'contact_id')::uuid AS person_id OFFSET 0) named ON true
    LEFT JOIN contacts k ON k.tenant_id = m.tenant_id AND k.id = named.id
    LEFT JOIN contacts h ON h.tenant_id = m.tenant_id AND h.id = named.person_id
    LEFT JOIN ticketing_customers c ON c.tenant_id = m.tenant_id AND c.id = m.organisation_customer_id
    LEFT JOIN ticketing_customers q ON q.tenant_id = m.tenant_id AND q.id = m.person_customer_id
    LEFT JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
    LEFT JOIN contact_external_ids e ON e.tenant_id = m.tenant_id AND e.source = 'ticketing:' || s.code AND e.external_id = c.external_id
    LEFT JOIN contact_external_ids f ON f.tenant_id = m.tenant_id AND f.source = 'ticketing:' || s.code AND f.external_id = q.external_id
    LEFT JOIN ticketing_orders o ON o.tenant_id = m.tenant_id AND o.id = m.order_id
)
UPDATE ticketing_group_bookings t
SET contact_id = w.contact_id, person_contact_id = w.person_id, contact_rule = w.rule, version = CASE WHEN t.id = ANY(@own::uuid[]) THEN t.version ELSE t.version + 1 END, updated_at = @settled_at
FROM w
WHERE t.tenant_id = @tenant_id AND t.id = w.id
  AND (t.contact_id IS DISTINCT FROM w.contact_id OR t.person_contact_id IS DISTINCT FROM w.person_id OR t.contact_rule IS DISTINCT FROM w.rule)
RETURNING t.id, t.contact_id, t.person_contact_id, t.contact_rule, t.version, w.contact_before;

-- name: GetVenue :one
SELECT * FROM ticketing_venues WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListVenues :many
SELECT * FROM ticketing_venues
WHERE tenant_id = @tenant_id AND NOT deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR source_id = sqlc.narg('source_id'))
  AND id > @after_id::uuid
ORDER BY id LIMIT @page_size;

-- name: GetProduct :one
SELECT * FROM ticketing_products WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListProducts :many
SELECT * FROM ticketing_products
WHERE tenant_id = @tenant_id AND NOT deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('kind')::text IS NULL OR kind = sqlc.narg('kind'))
  AND id > @after_id::uuid
ORDER BY id LIMIT @page_size;

-- name: GetMembership :one
SELECT sqlc.embed(m),
       coalesce(n.id, '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS renewed_by_id,
       membership_status(m.stated_state, m.cancelled_at, m.absent_at, m.valid_from, m.valid_until, coalesce(m.usage_limit, p.usage_limit), m.usages,
           coalesce(p.grace_days, s.grace_days), coalesce(n.valid_from, n.created_at), @as_of::timestamptz, m.time_zone)::text AS status,
       coalesce(p.renewal_days, s.renewal_days)::integer AS renewal_days, coalesce(p.grace_days, s.grace_days)::integer AS grace_days
FROM ticketing_memberships m
JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
LEFT JOIN ticketing_products p ON p.tenant_id = m.tenant_id AND p.id = m.product_id
LEFT JOIN LATERAL (
    SELECT r.id, r.valid_from, r.created_at FROM ticketing_memberships r
    WHERE r.tenant_id = m.tenant_id AND r.renews_id = m.id AND NOT r.deleted AND NOT r.stub AND r.test = m.test AND r.absent_at IS NULL AND r.stated_state IS DISTINCT FROM 'cancelled'
    ORDER BY r.valid_from, r.id LIMIT 1) n ON true
WHERE m.tenant_id = @tenant_id AND m.id = @id AND NOT m.stub AND NOT m.deleted;

-- name: ListMemberships :many
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = sqlc.narg('contact_id')::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
)
SELECT sqlc.embed(m),
       coalesce(n.id, '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS renewed_by_id,
       membership_status(m.stated_state, m.cancelled_at, m.absent_at, m.valid_from, m.valid_until, coalesce(m.usage_limit, p.usage_limit), m.usages,
           coalesce(p.grace_days, s.grace_days), coalesce(n.valid_from, n.created_at), @as_of::timestamptz, m.time_zone)::text AS status,
       coalesce(p.renewal_days, s.renewal_days)::integer AS renewal_days, coalesce(p.grace_days, s.grace_days)::integer AS grace_days
FROM ticketing_memberships m
JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
LEFT JOIN ticketing_products p ON p.tenant_id = m.tenant_id AND p.id = m.product_id
LEFT JOIN LATERAL (
    SELECT r.id, r.valid_from, r.created_at FROM ticketing_memberships r
    WHERE r.tenant_id = m.tenant_id AND r.renews_id = m.id AND NOT r.deleted AND NOT r.stub AND r.test = m.test AND r.absent_at IS NULL AND r.stated_state IS DISTINCT FROM 'cancelled'
    ORDER BY r.valid_from, r.id LIMIT 1) n ON true
WHERE m.tenant_id = @tenant_id AND NOT m.stub AND NOT m.deleted AND m.test = @test
  AND (sqlc.narg('contact_id')::uuid IS NULL OR m.contact_id IN (SELECT same.id FROM same))
  AND (sqlc.narg('source_id')::uuid IS NULL OR m.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('product_id')::uuid IS NULL OR m.product_id = sqlc.narg('product_id'))
  AND (cardinality(@statuses::text[]) = 0 OR membership_status(m.stated_state, m.cancelled_at, m.absent_at, m.valid_from, m.valid_until, coalesce(m.usage_limit, p.usage_limit), m.usages,
           coalesce(p.grace_days, s.grace_days), coalesce(n.valid_from, n.created_at), @as_of::timestamptz, m.time_zone) = ANY(@statuses::text[]))
  AND (sqlc.narg('until_from')::timestamptz IS NULL OR m.valid_until >= sqlc.narg('until_from'))
  AND (sqlc.narg('until_before')::timestamptz IS NULL OR m.valid_until < sqlc.narg('until_before'))
  AND (sqlc.narg('after_id')::uuid IS NULL OR m.id < sqlc.narg('after_id'))
ORDER BY m.id DESC LIMIT @page_size;

-- name: GetGiftCard :one
SELECT * FROM ticketing_gift_cards WHERE tenant_id = @tenant_id AND id = @id AND NOT stub AND NOT deleted;

-- name: ListGiftCardEntries :many
SELECT * FROM ticketing_gift_card_entries WHERE tenant_id = @tenant_id AND gift_card_id = @gift_card_id ORDER BY id LIMIT 2000;

-- name: ListGiftCards :many
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = sqlc.narg('contact_id')::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
)
SELECT g.* FROM ticketing_gift_cards g
WHERE g.tenant_id = @tenant_id AND NOT g.stub AND NOT g.deleted AND g.test = @test
  AND (sqlc.narg('contact_id')::uuid IS NULL OR g.contact_id IN (SELECT same.id FROM same))
  AND (sqlc.narg('source_id')::uuid IS NULL OR g.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('after_id')::uuid IS NULL OR g.id < sqlc.narg('after_id'))
ORDER BY g.id DESC LIMIT @page_size;

-- name: ListSpendableGiftCards :many
-- Cards of a contact, or of whoever was merged into it, that hold something.
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = @contact_id
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
)
SELECT g.* FROM ticketing_gift_cards g
WHERE g.tenant_id = @tenant_id AND NOT g.stub AND NOT g.deleted AND NOT g.test AND g.contact_id IN (SELECT same.id FROM same)
  AND g.balance_minor > 0 AND (g.expires_at IS NULL OR g.expires_at > @as_of::timestamptz) AND g.absent_at IS NULL AND g.stated_state IS DISTINCT FROM 'cancelled'
  AND (sqlc.narg('source_id')::uuid IS NULL OR g.source_id = sqlc.narg('source_id'))
ORDER BY g.id DESC LIMIT @page_size;

-- name: GetScan :one
SELECT sqlc.embed(s), l.order_id, o.contact_id, l.holder_contact_id
FROM ticketing_scans s
LEFT JOIN ticketing_lines l ON l.tenant_id = s.tenant_id AND l.ticket_id = s.ticket_id AND l.current
LEFT JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
WHERE s.tenant_id = @tenant_id AND s.id = @id AND NOT s.stub AND NOT s.deleted;

-- name: ListScans :many
SELECT sqlc.embed(s), l.order_id, o.contact_id, l.holder_contact_id
FROM ticketing_scans s
LEFT JOIN ticketing_lines l ON l.tenant_id = s.tenant_id AND l.ticket_id = s.ticket_id AND l.current
LEFT JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
WHERE s.tenant_id = @tenant_id AND NOT s.stub AND NOT s.deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR s.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('ticket_id')::uuid IS NULL OR s.ticket_id = sqlc.narg('ticket_id'))
  AND (sqlc.narg('performance_id')::uuid IS NULL OR s.entered_id = sqlc.narg('performance_id'))
  AND (sqlc.narg('attended')::boolean IS NULL OR s.attended = sqlc.narg('attended'))
  AND (sqlc.narg('attached')::boolean IS NULL OR (s.ticket_id IS NULL OR l.ticket_id IS NOT NULL) = sqlc.narg('attached'))
  AND (sqlc.narg('occurred_from')::timestamptz IS NULL OR s.occurred_at >= sqlc.narg('occurred_from'))
  AND (sqlc.narg('occurred_before')::timestamptz IS NULL OR s.occurred_at < sqlc.narg('occurred_before'))
  AND (sqlc.narg('after_occurred_at')::timestamptz IS NULL OR (s.occurred_at, s.id) < (sqlc.narg('after_occurred_at')::timestamptz, @after_id::uuid))
ORDER BY s.occurred_at DESC NULLS LAST, s.id DESC LIMIT @page_size;

-- name: GetGroupBooking :one
SELECT * FROM ticketing_group_bookings WHERE tenant_id = @tenant_id AND id = @id AND NOT stub AND NOT deleted;

-- name: ListGroupBookings :many
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = sqlc.narg('contact_id')::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
)
SELECT b.* FROM ticketing_group_bookings b
WHERE b.tenant_id = @tenant_id AND NOT b.stub AND NOT b.deleted AND b.test = @test
  AND (sqlc.narg('contact_id')::uuid IS NULL OR b.contact_id IN (SELECT same.id FROM same) OR b.person_contact_id IN (SELECT same.id FROM same))
  AND (sqlc.narg('source_id')::uuid IS NULL OR b.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('performance_id')::uuid IS NULL OR b.performance_id = sqlc.narg('performance_id'))
  AND (sqlc.narg('state')::text IS NULL OR b.state = sqlc.narg('state'))
  AND (sqlc.narg('after_id')::uuid IS NULL OR b.id < sqlc.narg('after_id'))
ORDER BY b.id DESC LIMIT @page_size;

-- name: ListContactTickets :many
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = @contact_id::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
), mine AS (
    SELECT l.order_id, l.ticket_id FROM ticketing_lines l WHERE l.tenant_id = @tenant_id AND l.holder_contact_id IN (SELECT same.id FROM same)
    UNION
    SELECT l.order_id, l.ticket_id FROM ticketing_orders o JOIN ticketing_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
    WHERE o.tenant_id = @tenant_id AND o.contact_id IN (SELECT same.id FROM same)
)
SELECT sqlc.embed(l), o.source_id, o.currency, o.contact_id, p.starts_at,
       (coalesce(o.contact_id IN (SELECT same.id FROM same), false))::boolean AS bought, (coalesce(l.holder_contact_id IN (SELECT same.id FROM same), false))::boolean AS held,
       a.occurred_at AS attended_at
FROM mine
JOIN ticketing_lines l ON l.tenant_id = @tenant_id AND l.order_id = mine.order_id AND l.ticket_id = mine.ticket_id
JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
LEFT JOIN ticketing_performances p ON p.tenant_id = l.tenant_id AND p.id = l.performance_id
LEFT JOIN LATERAL (SELECT s.occurred_at FROM ticketing_scans s WHERE s.tenant_id = l.tenant_id AND s.ticket_id = l.ticket_id AND s.attended ORDER BY s.occurred_at LIMIT 1) a ON true
WHERE l.current AND NOT o.test AND NOT o.stub AND NOT o.deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR o.source_id = sqlc.narg('source_id'))
  AND (cardinality(@states::text[]) = 0 OR l.state = ANY(@states::text[]))
  AND (sqlc.narg('role')::text IS NULL OR CASE sqlc.narg('role')::text WHEN 'buyer' THEN o.contact_id IN (SELECT same.id FROM same) ELSE l.holder_contact_id IN (SELECT same.id FROM same) END)
  AND (NOT @resumed::boolean OR (coalesce(p.starts_at, 'infinity'::timestamptz), l.ticket_id) < (coalesce(sqlc.narg('after_starts_at')::timestamptz, 'infinity'::timestamptz), @after_id::uuid))
ORDER BY coalesce(p.starts_at, 'infinity'::timestamptz) DESC, l.ticket_id DESC LIMIT @page_size;

-- name: ListContactAttendances :many
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = @contact_id::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
)
SELECT s.id, s.source_id, l.ticket_id, l.order_id, l.holder_contact_id, o.contact_id, s.entered_id, p.production_id, s.occurred_at::timestamptz AS attended_at
FROM ticketing_lines l
JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
JOIN ticketing_scans s ON s.tenant_id = l.tenant_id AND s.ticket_id = l.ticket_id AND s.attended
LEFT JOIN ticketing_performances p ON p.tenant_id = s.tenant_id AND p.id = s.entered_id
WHERE l.tenant_id = @tenant_id AND l.current AND l.holder_contact_id IN (SELECT same.id FROM same)
  AND (sqlc.narg('source_id')::uuid IS NULL OR s.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('after_attended_at')::timestamptz IS NULL OR (s.occurred_at, s.id) < (sqlc.narg('after_attended_at')::timestamptz, @after_id::uuid))
ORDER BY s.occurred_at DESC, s.id DESC LIMIT @page_size;

-- name: FindReplacements :many
-- By which tickets of the same source those of an order were replaced.
SELECT l.replaces::text AS replaces, min(l.external_id)::text AS external_id
FROM ticketing_lines l
JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
WHERE l.tenant_id = @tenant_id AND o.source_id = @source_id AND l.current AND l.replaces = ANY(@external_ids::text[])
GROUP BY l.replaces;

-- name: ReclassPriceTypes :many
-- What the institution says of a price type goes before what its source says.
UPDATE ticketing_price_types t
SET class = w.class, class_origin = w.origin, version = t.version + 1, updated_at = @settled_at
FROM (
    SELECT p.id, p.class AS class_before, coalesce(@classes::jsonb ->> p.external_id, p.stated_class, 'other') AS class,
           CASE WHEN @classes::jsonb ? p.external_id THEN 'mapped' WHEN p.stated_class IS NOT NULL THEN 'stated' ELSE 'unmapped' END AS origin
    FROM ticketing_price_types p WHERE p.tenant_id = @tenant_id AND p.source_id = @source_id
) w
WHERE t.tenant_id = @tenant_id AND t.id = w.id AND (t.class <> w.class OR t.class_origin <> w.origin)
RETURNING t.id, t.version, t.class, t.class_origin, w.class_before, t.stub;

-- name: MissRecords :many
-- A complete window of the source, taken at one instant, is without these
-- records. What was received since then may not be judged by it, and a window
-- is counted once.
UPDATE ticketing_records t
SET absences = t.absences + 1, missing_since = coalesce(t.missing_since, @taken_at), absent_as_of = @taken_at
FROM (
    SELECT r.id FROM ticketing_records r
    LEFT JOIN ticketing_orders o ON o.tenant_id = r.tenant_id AND o.id = r.id
    LEFT JOIN ticketing_performances p ON p.tenant_id = r.tenant_id AND p.id = r.id
    LEFT JOIN ticketing_scans s ON s.tenant_id = r.tenant_id AND s.id = r.id
    LEFT JOIN ticketing_group_bookings b ON b.tenant_id = r.tenant_id AND b.id = r.id
    WHERE r.tenant_id = @tenant_id AND r.source_id = @source_id AND r.kind = @kind AND NOT r.stub AND NOT r.deleted AND r.updated_at <= @taken_at
      AND (r.absent_as_of IS NULL OR r.absent_as_of < @taken_at)
      AND (sqlc.narg('window_from')::timestamptz IS NULL OR coalesce(o.placed_at, p.starts_at, s.occurred_at, b.placed_at, r.content_modified_at) >= sqlc.narg('window_from'))
      AND (sqlc.narg('window_until')::timestamptz IS NULL OR coalesce(o.placed_at, p.starts_at, s.occurred_at, b.placed_at, r.content_modified_at) < sqlc.narg('window_until'))
      AND NOT r.external_id = ANY(@present::text[])
) w
WHERE t.tenant_id = @tenant_id AND t.id = w.id
RETURNING t.id, t.absences;

-- name: MeetRecords :many
-- Records that a window has again.
UPDATE ticketing_records t
SET absences = 0, missing_since = NULL, absent_as_of = NULL
FROM (SELECT r.id, r.absences AS absences_before FROM ticketing_records r
      WHERE r.tenant_id = @tenant_id AND r.source_id = @source_id AND r.kind = @kind AND r.absences > 0 AND r.absent_as_of < @taken_at AND r.external_id = ANY(@present::text[])) w
WHERE t.tenant_id = @tenant_id AND t.id = w.id
RETURNING t.id, w.absences_before;

-- name: FindForgotten :many
SELECT f.* FROM ticketing_forgotten f
JOIN (SELECT unnest(@kinds::text[]) AS kind, unnest(@hashes::text[]) AS name_hash) w ON w.kind = f.kind AND w.name_hash = f.name_hash
WHERE f.tenant_id = @tenant_id AND f.source_id = @source_id;

-- name: FindEmptiedOrders :many
-- Which of these orders have nobody in them any more.
SELECT id FROM ticketing_orders WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND anonymized_at IS NOT NULL AND buyer IS NULL;

-- name: FindOfCustomer :many
-- What names an account.
SELECT 'order'::text AS kind, o.id FROM ticketing_orders o WHERE o.tenant_id = @tenant_id AND o.customer_id = @customer_id::uuid
UNION
SELECT 'order'::text, n.id FROM orders_naming(@tenant_id, @source_id::uuid, @account::text) AS n (id)
UNION ALL
SELECT 'membership'::text, m.id FROM ticketing_memberships m WHERE m.tenant_id = @tenant_id AND m.customer_id = @customer_id::uuid
UNION ALL
SELECT 'gift_card'::text, g.id FROM ticketing_gift_cards g WHERE g.tenant_id = @tenant_id AND g.customer_id = @customer_id::uuid
UNION ALL
SELECT 'group_booking'::text, b.id FROM ticketing_group_bookings b WHERE b.tenant_id = @tenant_id AND (b.organisation_customer_id = @customer_id::uuid OR b.person_customer_id = @customer_id::uuid);

-- name: IsKnownOtherwise :one
-- Whether anything but what was just forgotten knows a contact: records of any
-- source, a name at another source, a form, or a change that somebody made by hand.
SELECT (
    EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = @tenant_id AND o.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = @tenant_id AND u.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_lines l WHERE l.tenant_id = @tenant_id AND l.holder_contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_memberships m WHERE m.tenant_id = @tenant_id AND m.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_gift_cards g WHERE g.tenant_id = @tenant_id AND g.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_group_bookings b WHERE b.tenant_id = @tenant_id AND (b.contact_id = @contact_id::uuid OR b.person_contact_id = @contact_id::uuid))
    OR EXISTS (SELECT 1 FROM ticketing_vouchers w WHERE w.tenant_id = @tenant_id AND w.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM contact_external_ids e WHERE e.tenant_id = @tenant_id AND e.contact_id = @contact_id::uuid AND NOT (e.source = @source::text AND e.external_id = @external_id::text))
    OR EXISTS (SELECT 1 FROM form_submissions f WHERE f.tenant_id = @tenant_id AND f.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = @tenant_id AND c.merged_into = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM events v WHERE v.tenant_id = @tenant_id AND v.subject_id = @contact_id::uuid AND coalesce(v.source, '') <> @source::text AND v.type IN ('contact.created', 'contact.updated'))
)::boolean AS known;

-- name: IsOnlyOfAccount :one
-- Whether a contact is one account, with what was bought under it, and nothing but
-- its source ever said or did anything about it; and the other one is not in the
-- trash.
SELECT (NOT (
    EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = @tenant_id AND o.contact_id = @contact_id::uuid AND o.customer_id IS DISTINCT FROM @customer_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = @tenant_id AND u.contact_id = @contact_id::uuid AND u.id <> @customer_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_lines l WHERE l.tenant_id = @tenant_id AND l.holder_contact_id = @contact_id::uuid
        AND (SELECT o.customer_id FROM ticketing_orders o WHERE o.tenant_id = l.tenant_id AND o.id = l.order_id) IS DISTINCT FROM @customer_id::uuid)
    OR EXISTS (SELECT 1 FROM ticketing_memberships m WHERE m.tenant_id = @tenant_id AND m.contact_id = @contact_id::uuid AND m.contact_rule = 'contact_id')
    OR EXISTS (SELECT 1 FROM ticketing_group_bookings b WHERE b.tenant_id = @tenant_id AND (b.contact_id = @contact_id::uuid OR b.person_contact_id = @contact_id::uuid))
    OR EXISTS (SELECT 1 FROM ticketing_decisions d WHERE d.tenant_id = @tenant_id AND d.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM contact_external_ids e WHERE e.tenant_id = @tenant_id AND e.contact_id = @contact_id::uuid AND NOT (e.source = @source::text AND e.external_id = @external_id::text))
    OR EXISTS (SELECT 1 FROM form_submissions f WHERE f.tenant_id = @tenant_id AND f.contact_id = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = @tenant_id AND c.merged_into = @contact_id::uuid)
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id IN (@contact_id::uuid, @other_id::uuid) AND c.archived_at IS NOT NULL)
    OR EXISTS (SELECT 1 FROM events v WHERE v.tenant_id = @tenant_id AND v.subject_id = @contact_id::uuid AND coalesce(v.source, '') <> @source::text AND v.type <> 'external_id.linked')
))::boolean AS alone;

-- name: FindMembershipStates :many
-- What memberships are worth now, and what others were told: of those named, of
-- a product, of what they continue, or of those that are due.
SELECT m.id, m.version, m.contact_id, m.renews_id, m.valid_from, m.valid_until, m.cancelled_at, m.told_status, m.due_at, m.test, m.deleted, m.stub,
       m.time_zone, m.auto_renew, m.reminded_until, m.reminded_days,
       coalesce(p.grace_days, s.grace_days)::integer AS grace_days, coalesce(p.reminder_days, s.reminder_days)::integer[] AS reminder_days, s.code AS source_code,
       membership_status(m.stated_state, m.cancelled_at, m.absent_at, m.valid_from, m.valid_until, coalesce(m.usage_limit, p.usage_limit), m.usages,
           coalesce(p.grace_days, s.grace_days), coalesce(n.valid_from, n.created_at), @instant::timestamptz, m.time_zone)::text AS status
FROM ticketing_memberships m
JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
LEFT JOIN ticketing_products p ON p.tenant_id = m.tenant_id AND p.id = m.product_id
LEFT JOIN LATERAL (
    SELECT r.id, r.valid_from, r.created_at FROM ticketing_memberships r
    WHERE r.tenant_id = m.tenant_id AND r.renews_id = m.id AND NOT r.deleted AND NOT r.stub AND r.test = m.test AND r.absent_at IS NULL AND r.stated_state IS DISTINCT FROM 'cancelled'
    ORDER BY r.valid_from, r.id LIMIT 1) n ON true
WHERE m.tenant_id = @tenant_id AND m.id IN (
    SELECT x.id FROM ticketing_memberships x WHERE x.tenant_id = @tenant_id AND (x.id = ANY(@ids::uuid[]) OR x.product_id = ANY(@products::uuid[])
        OR x.id IN (SELECT y.renews_id FROM ticketing_memberships y WHERE y.tenant_id = @tenant_id AND y.id = ANY(@ids::uuid[]))))
ORDER BY m.id
FOR UPDATE OF m;

-- name: FindDueMemberships :many
SELECT id FROM ticketing_memberships WHERE tenant_id = @tenant_id AND due_at <= @instant::timestamptz ORDER BY due_at LIMIT @page_size;

-- name: FindContinuedMemberships :many
-- Which of these nobody needs to be reminded of: another one renews it, or whose
-- it is holds another of the same product that lasts longer. Looked up one by one,
-- since joined, all memberships may be read.
WITH RECURSIVE ending AS (
    SELECT m.id, m.tenant_id, m.product_id, m.contact_id, m.valid_until, m.test FROM ticketing_memberships m WHERE m.tenant_id = @tenant_id AND m.id = ANY(@ids::uuid[])
), same AS (
    SELECT e.id AS membership_id, survivor_of(e.tenant_id, e.contact_id) AS contact_id FROM ending e WHERE e.contact_id IS NOT NULL AND e.product_id IS NOT NULL
    UNION
    SELECT s.membership_id, c.id FROM contacts c JOIN same s ON c.merged_into = s.contact_id WHERE c.tenant_id = @tenant_id
)
SELECT e.id FROM ending e
CROSS JOIN LATERAL (
    SELECT r.id FROM ticketing_memberships r
    WHERE r.tenant_id = @tenant_id AND r.renews_id = e.id AND NOT r.deleted AND NOT r.stub AND r.test = e.test AND r.absent_at IS NULL AND r.stated_state IS DISTINCT FROM 'cancelled' OFFSET 0) n
UNION
SELECT e.id FROM ending e JOIN same s ON s.membership_id = e.id
CROSS JOIN LATERAL (
    SELECT o.id, o.product_id, o.valid_until, o.test FROM ticketing_memberships o
    WHERE o.tenant_id = @tenant_id AND o.contact_id = s.contact_id AND NOT o.deleted AND NOT o.stub AND o.absent_at IS NULL AND o.stated_state IS DISTINCT FROM 'cancelled' OFFSET 0) o
WHERE o.id <> e.id AND o.product_id = e.product_id AND o.test = e.test AND (o.valid_until IS NULL OR o.valid_until > e.valid_until);

-- name: NoteTold :exec
UPDATE ticketing_memberships m SET told_status = nullif(w.status, ''), due_at = CASE WHEN w.due > '0001-01-02'::timestamptz THEN w.due END,
    reminded_until = CASE WHEN w.days > 0 THEN m.valid_until ELSE m.reminded_until END, reminded_days = CASE WHEN w.days > 0 THEN w.days ELSE m.reminded_days END
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@statuses::text[]) AS status, unnest(@dues::timestamptz[]) AS due, unnest(@days::integer[]) AS days) w
WHERE m.tenant_id = @tenant_id AND m.id = w.id;

-- name: WakeMemberships :exec
-- The rules of a source changed: what its memberships are worth is asked anew.
UPDATE ticketing_memberships SET due_at = @instant::timestamptz WHERE tenant_id = @tenant_id AND source_id = @source_id AND NOT stub AND NOT deleted AND NOT test;

-- name: FindLastChange :one
-- When a field of a contact was last said here, and by which source, with how
-- much that source is believed (-1: it was no ticketing source).
SELECT e.occurred_at, coalesce(e.source, '')::text AS source, coalesce(s.precedence, -1)::integer AS precedence
FROM events e
LEFT JOIN ticketing_sources s ON s.tenant_id = e.tenant_id AND 'ticketing:' || s.code = e.source
WHERE e.tenant_id = @tenant_id AND e.subject_kind = 'contact' AND e.subject_id = @contact_id AND @pointer::text = ANY(e.changed)
ORDER BY e.occurred_at DESC, e.id DESC LIMIT 1;
