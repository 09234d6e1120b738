-- name: FindNamesakes :many
-- Persons whose name is sorted like one of these and who share the date of birth
-- or a postcode with whoever is asked about.
SELECT DISTINCT c.id, coalesce(c.given_name, '')::text AS given_name, coalesce(c.family_name, '')::text AS family_name, coalesce(c.birth_name, '')::text AS birth_name,
       c.display_name, c.birthdate, c.created_at,
       coalesce((SELECT array_agg(coalesce(a.postal_code, '') || '|' || coalesce(a.street, '') ORDER BY a.is_primary DESC, a.id) FROM addresses a
                 WHERE a.tenant_id = c.tenant_id AND a.contact_id = c.id), '{}')::text[] AS places
FROM (SELECT unnest(@sort_names::text[]) AS sort_name, unnest(@birthdates::text[]) AS birthdate, unnest(@postcodes::text[]) AS postcode) w
JOIN contacts c ON c.tenant_id = @tenant_id AND c.sort_name = w.sort_name
WHERE c.merged_into IS NULL AND c.archived_at IS NULL AND c.kind = 'person'
  AND (c.birthdate::text = w.birthdate
       OR (w.postcode <> '' AND EXISTS (SELECT 1 FROM addresses a WHERE a.tenant_id = c.tenant_id AND a.contact_id = c.id AND a.postal_code = w.postcode)))
ORDER BY c.created_at, c.id
LIMIT 2000;

-- name: FindHoldersOfBuyers :many
-- Whom each buyer has bought tickets for before.
SELECT DISTINCT o.contact_id AS buyer_id, c.id, coalesce(c.given_name, '')::text AS given_name, coalesce(c.family_name, '')::text AS family_name,
       coalesce(c.birth_name, '')::text AS birth_name, c.display_name, c.birthdate, c.kind
FROM ticketing_orders o
JOIN ticketing_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id AND l.current AND l.holder_contact_id IS NOT NULL
JOIN contacts c ON c.tenant_id = l.tenant_id AND c.id = l.holder_contact_id AND c.merged_into IS NULL
WHERE o.tenant_id = @tenant_id AND o.contact_id = ANY(@buyers::uuid[])
ORDER BY c.id
LIMIT 5000;

-- name: FindMailboxes :many
SELECT pattern, is_generic, origin FROM ticketing_mailboxes WHERE tenant_id = @tenant_id AND pattern = ANY(@patterns::text[]);

-- name: LearnMailbox :exec
INSERT INTO ticketing_mailboxes (tenant_id, pattern, is_generic, origin) VALUES (@tenant_id, @pattern, true, 'learnt')
ON CONFLICT (tenant_id, pattern) DO NOTHING;

-- name: SayMailbox :one
INSERT INTO ticketing_mailboxes (tenant_id, pattern, is_generic, origin, note) VALUES (@tenant_id, @pattern, @is_generic, 'said', @note)
ON CONFLICT (tenant_id, pattern) DO UPDATE SET is_generic = EXCLUDED.is_generic, origin = 'said', note = EXCLUDED.note, updated_at = now()
RETURNING *;

-- name: ForgetMailbox :execrows
DELETE FROM ticketing_mailboxes WHERE tenant_id = @tenant_id AND pattern = @pattern;

-- name: ListMailboxes :many
SELECT * FROM ticketing_mailboxes WHERE tenant_id = @tenant_id AND pattern > @after::text ORDER BY pattern LIMIT @page_size;

-- name: FindDecisions :many
-- The decision that stands for each key.
SELECT DISTINCT ON (d.scope, d.key) d.* FROM ticketing_decisions d
JOIN (SELECT unnest(@scopes::text[]) AS scope, unnest(@keys::text[]) AS key) w ON w.scope = d.scope AND w.key = d.key
WHERE d.tenant_id = @tenant_id
ORDER BY d.scope, d.key, d.rank DESC;

-- name: GetDecision :one
SELECT * FROM ticketing_decisions WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindDecisionBefore :one
SELECT * FROM ticketing_decisions WHERE tenant_id = @tenant_id AND scope = @scope AND key = @key AND rank < @rank ORDER BY rank DESC LIMIT 1;

-- name: InsertDecision :one
INSERT INTO ticketing_decisions (tenant_id, id, scope, key, rank, action, contact_id, origin, review_id, order_id, reverts, reason, actor_kind, actor_id, decided_at)
SELECT @tenant_id, @id, @scope, @key, coalesce((SELECT max(d.rank) FROM ticketing_decisions d WHERE d.tenant_id = @tenant_id AND d.scope = @scope AND d.key = @key), 0) + 1,
       @action, sqlc.narg('contact_id')::uuid, @origin, sqlc.narg('review_id')::uuid, sqlc.narg('order_id')::uuid, sqlc.narg('reverts')::uuid, sqlc.narg('reason')::text, @actor_kind, @actor_id, @decided_at
RETURNING *;

-- name: ListDecisions :many
SELECT d.* FROM ticketing_decisions d
WHERE d.tenant_id = @tenant_id
  AND (sqlc.narg('order_id')::uuid IS NULL OR d.order_id = sqlc.narg('order_id') OR (d.scope = 'order' AND d.key = sqlc.narg('order_id')::uuid::text)
       OR (d.scope = 'ticket' AND d.key IN (SELECT l.ticket_id::text FROM ticketing_lines l WHERE l.tenant_id = d.tenant_id AND l.order_id = sqlc.narg('order_id') AND l.current))
       OR (d.scope = 'inputs' AND d.key = (SELECT o.match_inputs FROM ticketing_orders o WHERE o.tenant_id = d.tenant_id AND o.id = sqlc.narg('order_id'))))
  AND (NOT @resumed::boolean OR d.id < @before_id::uuid)
ORDER BY d.id DESC
LIMIT @page_size;

-- name: FindWaitingOrders :many
SELECT id, source_id FROM ticketing_orders WHERE tenant_id = @tenant_id AND match_rule = 'review' AND match_inputs = @inputs LIMIT 1000;

-- name: FindOrdersDecided :many
-- Orders attributed by the decision about a description.
SELECT o.id, o.source_id FROM ticketing_orders o
WHERE o.tenant_id = @tenant_id AND o.match_inputs = @inputs
  AND o.contact_id IS NOT DISTINCT FROM sqlc.narg('contact_id')::uuid AND o.match_rule IN ('review_contact', 'review_nobody')
LIMIT 1000;

-- name: FindWaitingCustomers :many
SELECT id, source_id FROM ticketing_customers WHERE tenant_id = @tenant_id AND match_rule = 'review' AND match_inputs = @inputs LIMIT 1000;

-- name: FindCustomersDecided :many
SELECT u.id, u.source_id FROM ticketing_customers u
WHERE u.tenant_id = @tenant_id AND u.match_inputs = @inputs
  AND u.contact_id IS NOT DISTINCT FROM sqlc.narg('contact_id')::uuid AND u.match_rule IN ('review_contact', 'review_nobody')
LIMIT 1000;

-- name: FindOrdersOfCustomers :many
SELECT id FROM ticketing_orders WHERE tenant_id = @tenant_id AND customer_id = ANY(@customer_ids::uuid[]) AND NOT test AND NOT stub AND NOT deleted LIMIT 1000;

-- name: FindAnswersOfCustomers :many
SELECT id, contact_id, customer_id, buyer, consents FROM ticketing_orders
WHERE tenant_id = @tenant_id AND customer_id = ANY(@customer_ids::uuid[]) AND contact_id IS NOT NULL AND NOT test AND NOT stub AND NOT deleted AND consents <> '[]'::jsonb
LIMIT 1000;

-- name: InsertReview :one
INSERT INTO ticketing_reviews AS r (tenant_id, id, inputs, source_id, subject_kind, subject_id, reason, score, created_at, updated_at)
VALUES (@tenant_id, @id, @inputs, @source_id, @subject_kind, @subject_id, @reason, @score, @at, @at)
ON CONFLICT (tenant_id, inputs) DO UPDATE
SET status = 'open', contact_id = NULL, decision_id = NULL, decided_at = NULL, reason = EXCLUDED.reason, score = EXCLUDED.score,
    source_id = CASE WHEN r.status = 'open' THEN r.source_id ELSE EXCLUDED.source_id END,
    subject_kind = CASE WHEN r.status = 'open' THEN r.subject_kind ELSE EXCLUDED.subject_kind END,
    subject_id = CASE WHEN r.status = 'open' THEN r.subject_id ELSE EXCLUDED.subject_id END,
    version = r.version + CASE WHEN r.status = 'open' AND r.score = EXCLUDED.score THEN 0 ELSE 1 END,
    updated_at = CASE WHEN r.status = 'open' AND r.score = EXCLUDED.score THEN r.updated_at ELSE EXCLUDED.updated_at END
RETURNING r.*, (r.created_at = @at)::boolean AS fresh;

-- name: DropCandidates :exec
DELETE FROM ticketing_review_candidates WHERE tenant_id = @tenant_id AND review_id = @review_id;

-- name: InsertCandidate :exec
INSERT INTO ticketing_review_candidates (tenant_id, review_id, contact_id, score, rule, evidence) VALUES (@tenant_id, @review_id, @contact_id, @score, @rule, @evidence)
ON CONFLICT (tenant_id, review_id, contact_id) DO NOTHING;

-- name: GetReview :one
SELECT * FROM ticketing_reviews WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockReview :one
SELECT * FROM ticketing_reviews WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: ListReviews :many
SELECT * FROM ticketing_reviews
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
  AND (sqlc.narg('source_id')::uuid IS NULL OR source_id = sqlc.narg('source_id'))
  AND id > @after_id::uuid
ORDER BY id LIMIT @page_size;

-- name: FindCandidates :many
SELECT k.review_id, k.contact_id, k.score, k.rule, k.evidence, c.display_name, c.merged_into
FROM ticketing_review_candidates k
JOIN contacts c ON c.tenant_id = k.tenant_id AND c.id = k.contact_id
WHERE k.tenant_id = @tenant_id AND k.review_id = ANY(@review_ids::uuid[])
ORDER BY k.review_id, k.score DESC, k.contact_id;

-- name: FindOrdersOfReview :many
SELECT id, number, source_id FROM ticketing_orders WHERE tenant_id = @tenant_id AND match_inputs = @inputs AND match_rule = 'review' ORDER BY placed_at DESC NULLS LAST, id LIMIT 50;

-- name: FindDescribedAs :many
-- Who a description is of, in the words of an order or account that bears it: of
-- the subject of its review if that still does, else of one that waits for the
-- answer or follows it. An account is named where the words are its own.
SELECT d.person, d.account FROM (
    (SELECT o.buyer AS person, NULL::text AS account, 1 AS rank FROM ticketing_orders o
     WHERE o.tenant_id = @tenant_id AND o.id = @subject_id AND o.match_inputs = @inputs AND o.buyer IS NOT NULL)
    UNION ALL
    (SELECT u.profile, u.external_id, 1 FROM ticketing_customers u
     WHERE u.tenant_id = @tenant_id AND u.id = @subject_id AND u.match_inputs = @inputs AND u.profile IS NOT NULL)
    UNION ALL
    (SELECT o.buyer, NULL::text, 2 FROM ticketing_orders o
     WHERE o.tenant_id = @tenant_id AND o.match_inputs = @inputs AND o.match_rule IN ('review', 'review_contact', 'review_nobody') AND o.buyer IS NOT NULL
     ORDER BY o.match_rule, o.id LIMIT 1)
    UNION ALL
    (SELECT u.profile, u.external_id, 3 FROM ticketing_customers u
     WHERE u.tenant_id = @tenant_id AND u.match_inputs = @inputs AND u.match_rule IN ('review', 'review_contact', 'review_nobody') AND u.profile IS NOT NULL
     ORDER BY u.match_rule, u.id LIMIT 1)
) d ORDER BY d.rank LIMIT 1;

-- name: LockReviewsLeft :many
-- Open reviews of descriptions that something bore until now, held until the end
-- of the transaction, so that nothing begins to wait unseen.
SELECT * FROM ticketing_reviews WHERE tenant_id = @tenant_id AND status = 'open' AND inputs = ANY(@inputs::text[]) ORDER BY inputs FOR UPDATE;

-- name: FindWaitingFor :many
-- For each of these reviews, by what it is about now, one of the orders, or else
-- accounts, that wait for somebody to say who it is: what it is about if that does.
SELECT r.inputs::text AS inputs, w.subject_kind::text AS subject_kind, w.id::uuid AS id, w.source_id::uuid AS source_id
FROM (SELECT unnest(@inputs::text[]) AS inputs, unnest(@subjects::uuid[]) AS subject_id) r
CROSS JOIN LATERAL (
    SELECT c.subject_kind, c.id, c.source_id FROM (
        (SELECT 'order'::text AS subject_kind, o.id, o.source_id, 1 AS rank FROM ticketing_orders o
         WHERE o.tenant_id = @tenant_id AND o.id = r.subject_id AND o.match_inputs = r.inputs AND o.match_rule = 'review')
        UNION ALL
        (SELECT 'customer'::text, u.id, u.source_id, 1 FROM ticketing_customers u
         WHERE u.tenant_id = @tenant_id AND u.id = r.subject_id AND u.match_inputs = r.inputs AND u.match_rule = 'review')
        UNION ALL
        (SELECT 'order'::text, o.id, o.source_id, 2 FROM ticketing_orders o
         WHERE o.tenant_id = @tenant_id AND o.match_inputs = r.inputs AND o.match_rule = 'review' LIMIT 1)
        UNION ALL
        (SELECT 'customer'::text, u.id, u.source_id, 3 FROM ticketing_customers u
         WHERE u.tenant_id = @tenant_id AND u.match_inputs = r.inputs AND u.match_rule = 'review' LIMIT 1)
    ) c ORDER BY c.rank LIMIT 1) w;

-- name: IsBorne :one
-- Whether something waits for the answer about a description, or follows it.
SELECT (EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = @tenant_id AND o.match_inputs = @inputs AND o.match_rule IN ('review', 'review_contact', 'review_nobody'))
     OR EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = @tenant_id AND u.match_inputs = @inputs AND u.match_rule IN ('review', 'review_contact', 'review_nobody')))::boolean;

-- name: MoveReview :exec
-- The review goes on to be about something that still waits for its answer.
UPDATE ticketing_reviews SET source_id = @source_id, subject_kind = @subject_kind, subject_id = @subject_id, version = version + 1, updated_at = @at
WHERE tenant_id = @tenant_id AND id = @id;

-- name: SettleReview :one
UPDATE ticketing_reviews
SET status = @status, contact_id = sqlc.narg('contact_id')::uuid, decision_id = sqlc.narg('decision_id')::uuid, decided_at = sqlc.narg('decided_at')::timestamptz, version = version + 1, updated_at = @at
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: SettleReviewsOf :many
-- Reviews of descriptions that are now attributed by a rule, or that nothing bears any more.
UPDATE ticketing_reviews r SET status = 'settled', version = r.version + 1, updated_at = @at
WHERE r.tenant_id = @tenant_id AND r.status = 'open' AND r.inputs = ANY(@inputs::text[])
RETURNING r.*;

-- name: GetReviewByInputs :one
SELECT * FROM ticketing_reviews WHERE tenant_id = @tenant_id AND inputs = @inputs;

-- name: InsertProposal :many
INSERT INTO ticketing_household_proposals (tenant_id, id, contact_id, other_id, reason, order_id, created_at, updated_at)
VALUES (@tenant_id, @id, least(@one::uuid, @other::uuid), greatest(@one::uuid, @other::uuid), @reason, sqlc.narg('order_id')::uuid, @at, @at)
ON CONFLICT (tenant_id, contact_id, other_id) DO NOTHING
RETURNING *;

-- name: ListProposals :many
SELECT * FROM ticketing_household_proposals
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('status')::text IS NULL OR status = sqlc.narg('status'))
  AND (sqlc.narg('contact_id')::uuid IS NULL OR contact_id = sqlc.narg('contact_id') OR other_id = sqlc.narg('contact_id'))
  AND id > @after_id::uuid
ORDER BY id LIMIT @page_size;

-- name: LockProposal :one
SELECT * FROM ticketing_household_proposals WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: SettleProposal :one
UPDATE ticketing_household_proposals SET status = @status, decided_at = @at, updated_at = @at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id RETURNING *;

-- name: FindOrderByNumber :many
SELECT * FROM ticketing_orders WHERE tenant_id = @tenant_id AND source_id = @source_id AND number = @number AND NOT stub AND NOT deleted AND NOT test ORDER BY id LIMIT 10;

-- name: FindSurvivors :many
-- Who lives on for those of these contacts that were merged.
SELECT c.id, survivor_of(c.tenant_id, c.id)::uuid AS survivor
FROM contacts c
WHERE c.tenant_id = @tenant_id AND c.id = ANY(@ids::uuid[]) AND c.merged_into IS NOT NULL;

-- name: MayOn :one
SELECT may(@verb::text, @tenant_id::uuid, @contact_id::uuid)::boolean;

-- name: GetTicketLine :one
SELECT * FROM ticketing_lines WHERE tenant_id = @tenant_id AND order_id = @order_id AND ticket_id = @ticket_id AND current;

-- name: FindLastOrders :many
-- When each of these contacts, or whoever was merged into it, last bought.
WITH RECURSIVE persons AS (
    SELECT c.id AS survivor, c.id FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = ANY(@ids::uuid[])
    UNION
    SELECT p.survivor, c.id FROM contacts c JOIN persons p ON c.merged_into = p.id WHERE c.tenant_id = @tenant_id
)
SELECT p.survivor::uuid AS contact_id, max(coalesce(o.placed_at, o.created_at))::timestamptz AS last_order_at
FROM persons p
CROSS JOIN LATERAL (
    SELECT t.placed_at, t.created_at FROM ticketing_orders t
    WHERE t.tenant_id = @tenant_id AND t.contact_id = p.id AND t.commercial_state = 'confirmed' AND NOT t.deleted
    ORDER BY t.placed_at DESC NULLS LAST, t.id DESC LIMIT 1) o
GROUP BY p.survivor;

-- name: FindPostcodes :many
SELECT DISTINCT ON (a.contact_id) a.contact_id, a.postal_code FROM addresses a
WHERE a.tenant_id = @tenant_id AND a.contact_id = ANY(@ids::uuid[]) AND a.postal_code IS NOT NULL
ORDER BY a.contact_id, a.is_primary DESC, a.id;

-- name: TakeRematches :many
-- The contacts that were noted, and whether they have to do with a merge that is
-- to be told of.
WITH taken AS (
    DELETE FROM ticketing_rematches n
    WHERE n.tenant_id = @tenant_id AND (n.contact_id, n.note) IN (
        SELECT w.contact_id, w.note FROM ticketing_rematches w WHERE w.tenant_id = @tenant_id ORDER BY w.contact_id, w.note LIMIT @at_most)
    RETURNING n.contact_id)
SELECT DISTINCT c.id AS contact_id, (c.merged_into IS NOT NULL
   OR EXISTS (SELECT 1 FROM contacts m WHERE m.tenant_id = @tenant_id AND m.merged_into = c.id)
   OR EXISTS (SELECT 1 FROM ticketing_moves v WHERE v.tenant_id = @tenant_id AND v.contact_id = c.id))::boolean AS merged
FROM taken JOIN contacts c ON c.tenant_id = @tenant_id AND c.id = taken.contact_id;

-- name: NoteRematches :exec
INSERT INTO ticketing_rematches (tenant_id, contact_id) SELECT @tenant_id, unnest(@ids::uuid[]);

-- name: FindAwaiting :many
-- The sales that contacts may turn out to have to do with: those that await
-- somebody under a name of theirs, and orders with a ticket of an unknown holder
-- whose buyer can be reached where the contact can, or bought for it before.
WITH keys AS MATERIALIZED (
    SELECT p.contact_id, p.kind, p.normalized AS key FROM contact_points p WHERE p.tenant_id = @tenant_id AND p.contact_id = ANY(@ids::uuid[]) AND p.kind IN ('email', 'phone')
    UNION ALL
    SELECT e.contact_id, 'account', e.source || chr(31) || e.external_id FROM contact_external_ids e WHERE e.tenant_id = @tenant_id AND e.contact_id = ANY(@ids::uuid[])
    UNION ALL
    SELECT c.id, 'name', c.sort_name FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = ANY(@ids::uuid[]) AND c.kind = 'person'
), near AS MATERIALIZED (
    SELECT k.contact_id, q.contact_id AS buyer_id FROM keys k
    JOIN contact_points q ON q.tenant_id = @tenant_id AND q.kind = k.kind AND q.normalized = k.key AND q.contact_id <> k.contact_id
    UNION
    SELECT h.holder_contact_id, b.contact_id FROM ticketing_lines h
    JOIN ticketing_orders b ON b.tenant_id = h.tenant_id AND b.id = h.order_id AND b.contact_id IS NOT NULL
    WHERE h.tenant_id = @tenant_id AND h.holder_contact_id = ANY(@ids::uuid[]) AND h.current
), found AS MATERIALIZED (
    SELECT k.contact_id, w.order_id, w.of_nobody FROM keys k JOIN ticketing_awaited w ON w.tenant_id = @tenant_id AND w.kind = k.kind AND w.key = k.key
    UNION ALL
    -- The orders of each who is near, and no others: joined, all orders may be read
    -- for each of them. A scalar, which is looked up one by one: as EXISTS it may be
    -- read whole.
    SELECT n.contact_id, o.id, false FROM near n
    CROSS JOIN LATERAL (SELECT b.id FROM ticketing_orders b WHERE b.tenant_id = @tenant_id AND b.contact_id = n.buyer_id OFFSET 0) o
    WHERE (SELECT true FROM ticketing_lines l WHERE l.tenant_id = @tenant_id AND l.order_id = o.id AND l.current AND l.holder_contact_id IS NULL AND l.holder_rule = 'unknown' LIMIT 1)
    LIMIT 2000
)
SELECT f.contact_id::uuid AS contact_id, o.id, o.source_id, bool_or(f.of_nobody)::boolean AS of_nobody
FROM found f JOIN ticketing_orders o ON o.tenant_id = @tenant_id AND o.id = f.order_id AND NOT o.stub AND NOT o.deleted AND NOT o.test
GROUP BY f.contact_id, o.id, o.source_id;

-- name: FindMergedFamily :many
-- A contact, everybody merged into it, and who lives on for each of them.
WITH RECURSIVE persons AS (
    SELECT c.id FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = @contact_id
    UNION
    SELECT c.id FROM contacts c JOIN persons p ON c.merged_into = p.id WHERE c.tenant_id = @tenant_id
)
SELECT p.id::uuid AS id, survivor_of(@tenant_id, p.id)::uuid AS survivor, m.told_id
FROM persons p
LEFT JOIN ticketing_moves m ON m.tenant_id = @tenant_id AND m.contact_id = p.id;

-- name: TellMove :exec
INSERT INTO ticketing_moves (tenant_id, contact_id, told_id) VALUES (@tenant_id, @contact_id, @told_id)
ON CONFLICT (tenant_id, contact_id) DO UPDATE SET told_id = EXCLUDED.told_id;

-- name: FindOrdersOfContact :many
SELECT id, version, source_id FROM ticketing_orders WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND NOT stub AND NOT deleted AND id > @after_id::uuid ORDER BY id LIMIT @page_size;

-- name: FindSalesOf :many
-- What of contacts is at the sources: accounts, also those that only their orders
-- name; orders they bought; tickets they hold and the orders these are in;
-- memberships, gift cards and bookings.
SELECT 'customer'::text AS part, u.id, u.source_id, u.external_id FROM ticketing_customers u
WHERE u.tenant_id = @tenant_id AND u.contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'customer'::text, u.id, u.source_id, u.external_id FROM ticketing_orders o
JOIN ticketing_customers u ON u.tenant_id = o.tenant_id AND u.id = o.customer_id AND u.contact_id IS NULL AND u.anonymized_at IS NULL
WHERE o.tenant_id = @tenant_id AND o.contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'order'::text, o.id, o.source_id, o.external_id FROM ticketing_orders o
WHERE o.tenant_id = @tenant_id AND o.contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'ticket'::text, l.ticket_id, o.source_id, l.external_id FROM ticketing_lines l
JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
WHERE l.tenant_id = @tenant_id AND l.holder_contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'held'::text, o.id, o.source_id, o.external_id FROM ticketing_lines l
JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
WHERE l.tenant_id = @tenant_id AND l.holder_contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'membership'::text, m.id, m.source_id, m.external_id FROM ticketing_memberships m
WHERE m.tenant_id = @tenant_id AND m.contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'gift_card'::text, g.id, g.source_id, g.external_id FROM ticketing_gift_cards g
WHERE g.tenant_id = @tenant_id AND g.contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'group_booking'::text, b.id, b.source_id, b.external_id FROM ticketing_group_bookings b
WHERE b.tenant_id = @tenant_id AND b.contact_id = ANY(@contacts::uuid[])
UNION
SELECT 'booking_person'::text, b.id, b.source_id, b.external_id FROM ticketing_group_bookings b
WHERE b.tenant_id = @tenant_id AND b.person_contact_id = ANY(@contacts::uuid[]);

-- name: FindErasedContacts :many
SELECT id FROM contacts WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND erased_at IS NOT NULL;

-- name: EraseDecisions :one
SELECT erase_ticketing_decisions(@tenant_id, @contacts::uuid[], @orders::uuid[])::bigint;

-- name: EraseReviews :execrows
-- Reviews that were about erased contacts, or raised by what they bought: no
-- description leads to them any more.
UPDATE ticketing_reviews
SET contact_id = NULL, status = CASE WHEN status = 'open' THEN 'settled' ELSE status END, decided_at = coalesce(decided_at, @at::timestamptz),
    inputs = encode(sha256(convert_to(id::text, 'UTF8')), 'hex'), version = version + 1, updated_at = @at::timestamptz
WHERE tenant_id = @tenant_id AND (contact_id = ANY(@contacts::uuid[]) OR subject_id = ANY(@subjects::uuid[]));

-- name: EraseCandidates :execrows
DELETE FROM ticketing_review_candidates WHERE tenant_id = @tenant_id AND contact_id = ANY(@contacts::uuid[]);

-- name: EraseProposals :execrows
DELETE FROM ticketing_household_proposals WHERE tenant_id = @tenant_id AND (contact_id = ANY(@contacts::uuid[]) OR other_id = ANY(@contacts::uuid[]));

-- name: EraseMoves :exec
DELETE FROM ticketing_moves WHERE tenant_id = @tenant_id AND contact_id = ANY(@contacts::uuid[]);

-- name: EraseMailboxes :exec
-- Addresses that sales showed to be shared, where nobody else is left at them.
DELETE FROM ticketing_mailboxes m
WHERE m.tenant_id = @tenant_id AND m.origin = 'learnt' AND m.pattern = ANY(@addresses::text[])
  AND NOT EXISTS (SELECT 1 FROM contact_points p WHERE p.tenant_id = @tenant_id AND p.kind = 'email' AND p.normalized = m.pattern);
