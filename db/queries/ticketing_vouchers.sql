-- name: FindVouchers :many
SELECT * FROM ticketing_vouchers WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: LookVoucher :one
SELECT * FROM ticketing_vouchers WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListVouchers :many
-- With how many tickets that count were bought with each, and by whom.
WITH RECURSIVE same AS (
    SELECT id FROM contacts WHERE contacts.tenant_id = @tenant_id AND contacts.id = sqlc.narg('contact_id')::uuid
    UNION
    SELECT c.id FROM contacts c JOIN same s ON c.merged_into = s.id WHERE c.tenant_id = @tenant_id
), wanted AS (
    SELECT v.id, coalesce(v.campaign, s.campaign_codes ->> v.code) AS meant,
        (CASE WHEN v.deleted OR v.stated_state = 'cancelled' THEN 'withdrawn' WHEN v.valid_until <= @as_of::timestamptz THEN 'expired'
              WHEN v.uses >= v.max_uses THEN 'used_up' ELSE 'active' END)::text AS state
    FROM ticketing_vouchers v
    JOIN ticketing_sources s ON s.tenant_id = v.tenant_id AND s.id = v.source_id
    WHERE v.tenant_id = @tenant_id
      AND (sqlc.narg('id')::uuid IS NULL OR v.id = sqlc.narg('id'))
      AND (sqlc.narg('id')::uuid IS NOT NULL OR NOT v.stub)
      AND (sqlc.narg('contact_id')::uuid IS NULL OR v.contact_id IN (SELECT same.id FROM same))
      AND (sqlc.narg('source_id')::uuid IS NULL OR v.source_id = sqlc.narg('source_id'))
      AND (sqlc.narg('code')::text IS NULL OR v.code = sqlc.narg('code'))
      AND (sqlc.narg('kind')::text IS NULL OR coalesce(v.issue_kind, v.stated_kind) = sqlc.narg('kind'))
      AND (sqlc.narg('campaign')::text IS NULL OR v.campaign = sqlc.narg('campaign') OR v.campaign IS NULL AND s.campaign_codes ->> v.code = sqlc.narg('campaign'))
      AND (sqlc.narg('state')::text IS NULL OR sqlc.narg('state') =
        CASE WHEN v.deleted OR v.stated_state = 'cancelled' THEN 'withdrawn' WHEN v.valid_until <= @as_of::timestamptz THEN 'expired'
             WHEN v.uses >= v.max_uses THEN 'used_up' ELSE 'active' END)
      AND (sqlc.narg('after_id')::uuid IS NULL OR v.id < sqlc.narg('after_id'))
    ORDER BY v.id DESC LIMIT @page_size
)
SELECT sqlc.embed(v), w.meant, w.state, coalesce(r.redemptions, 0)::integer AS redemptions, coalesce(r.by_others, 0)::integer AS by_others
FROM wanted w
JOIN ticketing_vouchers v ON v.tenant_id = @tenant_id AND v.id = w.id
LEFT JOIN LATERAL (
    SELECT count(*) AS redemptions, count(*) FILTER (WHERE redeemed_by(v.tenant_id, v.contact_id, u.contact_id, u.holder_contact_id) = 'other') AS by_others
    FROM (
        SELECT o.contact_id, l.holder_contact_id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE l.tenant_id = v.tenant_id AND l.voucher_id = v.id AND l.current AND l.state NOT IN ('cancelled', 'exchanged')
          AND o.commercial_state IN ('reserved', 'confirmed') AND NOT o.test AND NOT o.deleted AND NOT o.stub
        UNION ALL
        SELECT o.contact_id, l.holder_contact_id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE l.tenant_id = v.tenant_id AND l.voucher_code = v.code AND l.voucher_id IS NULL AND o.source_id = v.source_id AND l.current AND l.state NOT IN ('cancelled', 'exchanged')
          AND o.commercial_state IN ('reserved', 'confirmed') AND NOT o.test AND NOT o.deleted AND NOT o.stub
    ) u
) r ON true
ORDER BY v.id DESC;

-- name: ListVoucherRedemptions :many
SELECT u.ticket_id, u.order_id, u.number, u.external_id, u.placed_at, u.contact_id, u.holder_contact_id, u.state, u.commercial_state,
    redeemed_by(v.tenant_id, v.contact_id, u.contact_id, u.holder_contact_id)::text AS by_whom
FROM ticketing_vouchers v
CROSS JOIN LATERAL (
    SELECT l.ticket_id, l.order_id, o.number, l.external_id, o.placed_at, o.contact_id, l.holder_contact_id, l.state, o.commercial_state
    FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
    WHERE l.tenant_id = v.tenant_id AND l.voucher_id = v.id AND l.current AND NOT o.test AND NOT o.deleted AND NOT o.stub
    UNION ALL
    SELECT l.ticket_id, l.order_id, o.number, l.external_id, o.placed_at, o.contact_id, l.holder_contact_id, l.state, o.commercial_state
    FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
    WHERE l.tenant_id = v.tenant_id AND l.voucher_code = v.code AND l.voucher_id IS NULL AND o.source_id = v.source_id AND l.current AND NOT o.test AND NOT o.deleted AND NOT o.stub
) u
WHERE v.tenant_id = @tenant_id AND v.id = @voucher_id AND u.ticket_id > @after_id::uuid
ORDER BY u.ticket_id LIMIT @page_size;

-- name: CountVoucherCampaign :one
WITH issued AS (
    SELECT v.id, v.tenant_id, v.source_id, v.code, v.contact_id FROM ticketing_vouchers v
    WHERE v.tenant_id = @tenant_id AND v.campaign = @campaign::text AND NOT v.stub AND (sqlc.narg('source_id')::uuid IS NULL OR v.source_id = sqlc.narg('source_id'))
    UNION
    SELECT v.id, v.tenant_id, v.source_id, v.code, v.contact_id FROM ticketing_sources s
    CROSS JOIN LATERAL jsonb_each_text(s.campaign_codes) c
    JOIN ticketing_vouchers v ON v.tenant_id = s.tenant_id AND v.source_id = s.id AND v.code = c.key AND v.campaign IS NULL AND NOT v.stub
    WHERE s.tenant_id = @tenant_id AND c.value = @campaign::text AND (sqlc.narg('source_id')::uuid IS NULL OR s.id = sqlc.narg('source_id'))
), used AS (
    SELECT i.id, redeemed_by(i.tenant_id, i.contact_id, u.contact_id, u.holder_contact_id) AS by_whom
    FROM issued i
    CROSS JOIN LATERAL (
        SELECT o.contact_id, l.holder_contact_id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE l.tenant_id = i.tenant_id AND l.voucher_id = i.id AND l.current AND l.state NOT IN ('cancelled', 'exchanged')
          AND o.commercial_state IN ('reserved', 'confirmed') AND NOT o.test AND NOT o.deleted AND NOT o.stub
        UNION ALL
        SELECT o.contact_id, l.holder_contact_id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE l.tenant_id = i.tenant_id AND l.voucher_code = i.code AND l.voucher_id IS NULL AND o.source_id = i.source_id AND l.current AND l.state NOT IN ('cancelled', 'exchanged')
          AND o.commercial_state IN ('reserved', 'confirmed') AND NOT o.test AND NOT o.deleted AND NOT o.stub
    ) u
)
SELECT (SELECT count(*) FROM issued)::integer AS issued, (SELECT count(*) FROM issued WHERE issued.contact_id IS NOT NULL)::integer AS issued_to_contacts,
    count(DISTINCT used.id)::integer AS redeemed, count(*)::integer AS redemptions, count(*) FILTER (WHERE used.by_whom = 'issued_to')::integer AS by_issued_to,
    count(*) FILTER (WHERE used.by_whom = 'other')::integer AS by_others, count(*) FILTER (WHERE used.by_whom = 'unknown')::integer AS by_unknown
FROM used;

-- name: IssueVoucher :one
UPDATE ticketing_vouchers
SET contact_id = sqlc.narg('contact_id'), issue_campaign = sqlc.narg('issue_campaign'), campaign = coalesce(sqlc.narg('issue_campaign'), stated_campaign), issue_kind = sqlc.narg('issue_kind'),
    command_id = sqlc.narg('command_id'), version = version + 1, updated_at = @issued_at
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: EraseVoucherIssues :many
-- That a code was given out for a campaign stays, as one of nobody.
UPDATE ticketing_vouchers SET contact_id = NULL, command_id = NULL, version = version + 1, updated_at = @at
WHERE tenant_id = @tenant_id AND contact_id = ANY(@contacts::uuid[])
RETURNING id;

-- name: FindOfferCodes :many
SELECT id, code, campaign FROM ticketing_vouchers WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindVoucherUses :many
-- Tickets that count, of each of these codes.
SELECT v.id, u.contact_id, u.holder_contact_id, redeemed_by(v.tenant_id, v.contact_id, u.contact_id, u.holder_contact_id)::text AS by_whom
FROM ticketing_vouchers v
CROSS JOIN LATERAL (
    SELECT o.contact_id, l.holder_contact_id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
    WHERE l.tenant_id = v.tenant_id AND l.voucher_id = v.id AND l.current AND l.state NOT IN ('cancelled', 'exchanged')
      AND o.commercial_state IN ('reserved', 'confirmed') AND NOT o.test AND NOT o.deleted AND NOT o.stub
    UNION ALL
    SELECT o.contact_id, l.holder_contact_id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
    WHERE l.tenant_id = v.tenant_id AND l.voucher_code = v.code AND l.voucher_id IS NULL AND o.source_id = v.source_id AND l.current AND l.state NOT IN ('cancelled', 'exchanged')
      AND o.commercial_state IN ('reserved', 'confirmed') AND NOT o.test AND NOT o.deleted AND NOT o.stub
) u
WHERE v.tenant_id = @tenant_id AND v.id = ANY(@ids::uuid[]);

-- name: FindCampaignVouchers :many
SELECT v.id, v.contact_id FROM ticketing_vouchers v
WHERE v.tenant_id = @tenant_id AND v.campaign = @campaign::text AND NOT v.stub AND (sqlc.narg('source_id')::uuid IS NULL OR v.source_id = sqlc.narg('source_id'))
UNION
SELECT v.id, v.contact_id FROM ticketing_sources s
CROSS JOIN LATERAL jsonb_each_text(s.campaign_codes) c
JOIN ticketing_vouchers v ON v.tenant_id = s.tenant_id AND v.source_id = s.id AND v.code = c.key AND v.campaign IS NULL AND NOT v.stub
WHERE s.tenant_id = @tenant_id AND c.value = @campaign::text AND (sqlc.narg('source_id')::uuid IS NULL OR s.id = sqlc.narg('source_id'));
