-- name: InsertSource :one
INSERT INTO ticketing_sources (tenant_id, id, code, name, kind, time_zone, currency, precedence, status, capabilities,
    purpose_codes, price_classes, campaign_codes, field_policies, grace_days, renewal_days, reminder_days)
VALUES (@tenant_id, @id, @code, @name, @kind, @time_zone, @currency, @precedence, @status, @capabilities,
    @purpose_codes, @price_classes, @campaign_codes, @field_policies, @grace_days, @renewal_days, @reminder_days)
RETURNING *;

-- name: GetSource :one
SELECT * FROM ticketing_sources WHERE tenant_id = @tenant_id AND (code = @reference OR id::text = @reference);

-- name: LockSource :one
SELECT * FROM ticketing_sources WHERE tenant_id = @tenant_id AND (code = @reference OR id::text = @reference) FOR UPDATE;

-- name: UpdateSource :one
UPDATE ticketing_sources
SET name = @name, kind = @kind, time_zone = @time_zone, currency = @currency, precedence = @precedence, status = @status,
    capabilities = @capabilities, purpose_codes = @purpose_codes, price_classes = @price_classes, campaign_codes = @campaign_codes,
    field_policies = @field_policies, grace_days = @grace_days, renewal_days = @renewal_days, reminder_days = @reminder_days, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteSource :exec
DELETE FROM ticketing_sources WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListSources :many
SELECT * FROM ticketing_sources
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
  AND (sqlc.narg('only')::text IS NULL OR code = sqlc.narg('only') OR id::text = sqlc.narg('only'))
  AND code > @after_code::text
ORDER BY code
LIMIT @page_size;

-- name: NoteReceived :exec
-- To within ten seconds, and never waiting: the row is shared by everything
-- that arrives from the source.
WITH free AS (
    SELECT s.id FROM ticketing_sources s
    WHERE s.tenant_id = @tenant_id AND s.id = @id AND (s.last_received_at IS NULL OR s.last_received_at < @before::timestamptz)
    FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE ticketing_sources t SET last_received_at = @received_at::timestamptz
WHERE t.tenant_id = @tenant_id AND t.id IN (SELECT free.id FROM free);

-- name: CountRecords :many
SELECT kind, described, stubs, deleted FROM ticketing_counts
WHERE tenant_id = @tenant_id AND source_id = @source_id
ORDER BY kind;

-- name: GetRecord :one
SELECT * FROM ticketing_records WHERE tenant_id = @tenant_id AND source_id = @source_id AND kind = @kind AND external_id = @external_id;

-- name: LockNames :exec
-- The numbers are sorted, so that two batches that share some never wait for
-- each other in a circle.
SELECT pg_advisory_xact_lock(n) FROM unnest(@numbers::bigint[]) AS n;

-- name: FindRecords :many
SELECT r.* FROM ticketing_records r
JOIN (SELECT unnest(@kinds::text[]) AS kind, unnest(@external_ids::text[]) AS external_id) w
  ON w.kind = r.kind AND w.external_id = r.external_id
WHERE r.tenant_id = @tenant_id AND r.source_id = @source_id;

-- name: FindRecordsByID :many
SELECT * FROM ticketing_records WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindProductions :many
SELECT * FROM ticketing_productions WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindPerformances :many
SELECT * FROM ticketing_performances WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindPriceTypes :many
SELECT * FROM ticketing_price_types WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindCustomers :many
SELECT * FROM ticketing_customers WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindOrders :many
SELECT * FROM ticketing_orders WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindOrdersAround :many
-- The orders themselves and every order that names one of the tickets.
SELECT DISTINCT order_id FROM ticketing_lines WHERE tenant_id = @tenant_id AND ticket_id = ANY(@ticket_ids::uuid[]);

-- name: FindTicketsOfOrders :many
SELECT DISTINCT external_id FROM ticketing_lines WHERE tenant_id = @tenant_id AND order_id = ANY(@order_ids::uuid[]);

-- name: FindLines :many
SELECT * FROM ticketing_lines WHERE tenant_id = @tenant_id AND order_id = ANY(@order_ids::uuid[]);

-- name: FindFees :many
SELECT * FROM ticketing_fees WHERE tenant_id = @tenant_id AND order_id = ANY(@order_ids::uuid[]) ORDER BY external_id;

-- name: FindPayments :many
SELECT * FROM ticketing_payments WHERE tenant_id = @tenant_id AND order_id = ANY(@order_ids::uuid[]) ORDER BY kind, at, external_id;

-- name: FindBalances :many
SELECT order_id, kind, external_id, currency, sum(amount_minor)::bigint AS balance
FROM ticketing_movements
WHERE tenant_id = @tenant_id AND order_id = ANY(@order_ids::uuid[])
GROUP BY order_id, kind, external_id, currency;

-- name: FindMovements :many
SELECT * FROM ticketing_movements WHERE tenant_id = @tenant_id AND order_id = @order_id ORDER BY id;

-- name: FindUnattributedOrders :many
SELECT id FROM ticketing_orders WHERE tenant_id = @tenant_id AND customer_id = ANY(@customer_ids::uuid[]) AND contact_id IS NULL AND NOT test AND NOT stub AND NOT deleted;

-- name: FindAttributedOrders :many
SELECT id FROM ticketing_orders WHERE tenant_id = @tenant_id AND customer_id = ANY(@customer_ids::uuid[]) AND contact_id IS NOT NULL AND NOT test AND NOT stub AND NOT deleted;

-- name: FindContactsByName :many
-- Whom the register knows under these names, survivors of merges. An account of
-- which somebody decided whose it is is known as well.
WITH RECURSIVE found AS (
    SELECT e.source, e.external_id, c.id, c.merged_into
    FROM contact_external_ids e
    JOIN contacts c ON c.tenant_id = e.tenant_id AND c.id = e.contact_id
    WHERE e.tenant_id = @tenant_id
      AND (e.source, e.external_id) IN (SELECT unnest(@sources::text[]), unnest(@external_ids::text[]))
    UNION ALL
    SELECT 'ticketing:' || s.code, u.external_id, c.id, c.merged_into
    FROM ticketing_customers u
    JOIN ticketing_sources s ON s.tenant_id = u.tenant_id AND s.id = u.source_id
    JOIN ticketing_records r ON r.tenant_id = u.tenant_id AND r.id = u.id
    JOIN contacts c ON c.tenant_id = u.tenant_id AND c.id = u.contact_id
    WHERE u.tenant_id = @tenant_id AND r.source_id = @source_id AND r.kind = 'customer' AND r.external_id = ANY(@external_ids::text[]) AND u.match_rule = 'review_contact'
    UNION ALL
    SELECT f.source, f.external_id, c.id, c.merged_into
    FROM found f
    JOIN contacts c ON c.tenant_id = @tenant_id AND c.id = f.merged_into
)
SELECT source::text AS source, external_id, id FROM found WHERE merged_into IS NULL;

-- name: FindContactsByID :many
WITH RECURSIVE found AS (
    SELECT c.id AS asked, c.id, c.merged_into FROM contacts c
    WHERE c.tenant_id = @tenant_id AND c.id = ANY(@ids::uuid[])
    UNION ALL
    SELECT f.asked, c.id, c.merged_into
    FROM found f
    JOIN contacts c ON c.tenant_id = @tenant_id AND c.id = f.merged_into
)
SELECT f.asked, c.id, c.kind, coalesce(c.given_name, '')::text AS given_name, coalesce(c.family_name, '')::text AS family_name,
       coalesce(c.birth_name, '')::text AS birth_name, c.birthdate, c.display_name
FROM found f JOIN contacts c ON c.tenant_id = @tenant_id AND c.id = f.id
WHERE f.merged_into IS NULL AND c.erased_at IS NULL;

-- name: FindContactsByPoint :many
-- Somebody in the trash is found after everybody else, and not at all where
-- nothing was bought by them and no account is theirs: who was made by mistake, or
-- was a stranger, is met anew.
SELECT p.kind AS point_kind, p.normalized, p.verified_at, c.id, c.kind, c.created_at,
       coalesce(c.given_name, '')::text AS given_name, coalesce(c.family_name, '')::text AS family_name,
       coalesce(c.birth_name, '')::text AS birth_name, c.birthdate, c.display_name, (c.archived_at IS NOT NULL)::boolean AS archived
FROM contact_points p
JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id
WHERE p.tenant_id = @tenant_id AND c.merged_into IS NULL
  AND (c.archived_at IS NULL
    OR EXISTS (SELECT 1 FROM contact_external_ids e WHERE e.tenant_id = c.tenant_id AND e.contact_id = c.id)
    OR EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = c.tenant_id AND o.contact_id = c.id))
  AND ((p.kind = 'email' AND p.normalized = ANY(@emails::text[])) OR (p.kind = 'phone' AND p.normalized = ANY(@phones::text[])))
ORDER BY (c.archived_at IS NOT NULL), c.created_at, c.id;

-- name: ListOrders :many
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = sqlc.narg('contact_id')::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
)
SELECT o.* FROM ticketing_orders o
WHERE o.tenant_id = @tenant_id AND NOT o.stub AND NOT o.deleted AND o.test = @test
  AND (sqlc.narg('contact_id')::uuid IS NULL OR o.contact_id IN (SELECT same.id FROM same))
  AND (sqlc.narg('source_id')::uuid IS NULL OR o.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('performance_id')::uuid IS NULL OR EXISTS (
        SELECT 1 FROM ticketing_lines l WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current AND l.performance_id = sqlc.narg('performance_id')))
  AND (sqlc.narg('voucher_code')::text IS NULL OR EXISTS (
        SELECT 1 FROM ticketing_lines l LEFT JOIN ticketing_vouchers v ON v.tenant_id = l.tenant_id AND v.id = l.voucher_id
        WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current AND coalesce(l.voucher_code, v.code) = sqlc.narg('voucher_code')))
  AND (sqlc.narg('campaign')::text IS NULL OR EXISTS (
        SELECT 1 FROM ticketing_lines l JOIN ticketing_sources s ON s.tenant_id = l.tenant_id AND s.id = o.source_id
        LEFT JOIN ticketing_vouchers v ON v.tenant_id = l.tenant_id AND v.id = l.voucher_id
        WHERE l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current AND (l.voucher_code IS NOT NULL OR l.voucher_id IS NOT NULL)
          AND coalesce(l.campaign, v.campaign, s.campaign_codes ->> coalesce(l.voucher_code, v.code)) = sqlc.narg('campaign')))
  AND (cardinality(@commercial_states::text[]) = 0 OR o.commercial_state = ANY(@commercial_states::text[]))
  AND (cardinality(@payment_states::text[]) = 0 OR o.payment_state = ANY(@payment_states::text[]))
  AND (sqlc.narg('placed_from')::timestamptz IS NULL OR o.placed_at >= sqlc.narg('placed_from'))
  AND (sqlc.narg('placed_before')::timestamptz IS NULL OR o.placed_at < sqlc.narg('placed_before'))
  AND (NOT @resumed::boolean
       OR (sqlc.narg('after_placed_at')::timestamptz IS NOT NULL AND (o.placed_at IS NULL OR (o.placed_at, o.id) < (sqlc.narg('after_placed_at')::timestamptz, @after_id::uuid)))
       OR (sqlc.narg('after_placed_at')::timestamptz IS NULL AND o.placed_at IS NULL AND o.id < @after_id::uuid))
ORDER BY o.placed_at DESC NULLS LAST, o.id DESC
LIMIT @page_size;

-- name: GetOrder :one
SELECT * FROM ticketing_orders WHERE tenant_id = @tenant_id AND id = @id AND NOT stub AND NOT deleted;

-- name: ListOrderLines :many
SELECT * FROM ticketing_lines WHERE tenant_id = @tenant_id AND order_id = @order_id AND current ORDER BY rank, external_id;

-- name: GetProduction :one
SELECT * FROM ticketing_productions WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListProductions :many
SELECT * FROM ticketing_productions
WHERE tenant_id = @tenant_id AND NOT deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR source_id = sqlc.narg('source_id'))
  AND id > @after_id::uuid
ORDER BY id LIMIT @page_size;

-- name: GetPriceType :one
SELECT * FROM ticketing_price_types WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListPriceTypes :many
SELECT * FROM ticketing_price_types
WHERE tenant_id = @tenant_id AND NOT deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR source_id = sqlc.narg('source_id'))
  AND id > @after_id::uuid
ORDER BY id LIMIT @page_size;

-- name: GetPerformance :one
SELECT * FROM ticketing_performances WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListPerformances :many
SELECT * FROM ticketing_performances
WHERE tenant_id = @tenant_id AND NOT deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('production_id')::uuid IS NULL OR production_id = sqlc.narg('production_id'))
  AND (sqlc.narg('starts_from')::timestamptz IS NULL OR starts_at >= sqlc.narg('starts_from'))
  AND (sqlc.narg('starts_before')::timestamptz IS NULL OR starts_at < sqlc.narg('starts_before'))
  AND (coalesce(starts_at, 'infinity'::timestamptz), id) > (coalesce(sqlc.narg('after_starts_at')::timestamptz, CASE WHEN @resumed::boolean THEN 'infinity'::timestamptz ELSE '-infinity'::timestamptz END), @after_id::uuid)
ORDER BY coalesce(starts_at, 'infinity'::timestamptz), id LIMIT @page_size;
