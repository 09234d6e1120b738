-- name: InsertPurpose :one
INSERT INTO purposes (tenant_id, id, code, name, legal_basis, description)
VALUES (@tenant_id, @id, @code, @name, @legal_basis, @description)
RETURNING *;

-- name: GetPurpose :one
SELECT * FROM purposes WHERE tenant_id = @tenant_id AND id = @id;

-- name: GetPurposeByCode :one
SELECT * FROM purposes WHERE tenant_id = @tenant_id AND code = @code;

-- name: LockPurpose :one
SELECT * FROM purposes WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UpdatePurpose :one
UPDATE purposes
SET name = @name, legal_basis = @legal_basis, description = @description, archived_at = @archived_at,
    updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListPurposes :many
SELECT * FROM purposes
WHERE tenant_id = @tenant_id
  AND CASE @archived::text WHEN 'true' THEN true WHEN 'only' THEN archived_at IS NOT NULL ELSE archived_at IS NULL END
  AND (sqlc.narg('after_code')::text IS NULL OR code > sqlc.narg('after_code')::text)
ORDER BY code
LIMIT @page_size;

-- name: EnsureWording :exec
INSERT INTO consent_wordings (tenant_id, id, label, language, text, sha256, created_at)
VALUES (@tenant_id, @id, @label, @language, @text, @sha256, @created_at)
ON CONFLICT (tenant_id, sha256, language, label) DO NOTHING;

-- name: FindWording :one
SELECT * FROM consent_wordings WHERE tenant_id = @tenant_id AND sha256 = @sha256 AND language = @language AND label = @label;

-- name: GetWording :one
SELECT * FROM consent_wordings WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListWordings :many
SELECT * FROM consent_wordings
WHERE tenant_id = @tenant_id
  AND (sqlc.narg('language')::text IS NULL OR language = sqlc.narg('language')::text)
  AND (sqlc.narg('after_created_at')::timestamptz IS NULL
       OR (created_at, id) < (sqlc.narg('after_created_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC
LIMIT @page_size;

-- name: ContactForConsent :one
SELECT id, merged_into, erased_at FROM contacts WHERE tenant_id = @tenant_id AND id = @id;

-- name: PointForConsent :one
SELECT kind, normalized FROM contact_points WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id;

-- name: AddressForConsent :one
SELECT postal_value(delivery, building, street, locality, postal_code, city, country)::text AS value
FROM addresses WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id;

-- name: TenantName :one
SELECT name FROM tenants WHERE tenant_id = @tenant_id;

-- name: LockChain :exec
-- One writer at a time appends to a contact's chain.
SELECT pg_advisory_xact_lock(hashtextextended( @chain::text , 7321));

-- name: ChainHead :one
SELECT sequence, digest FROM consents
WHERE tenant_id = @tenant_id AND contact_id = @contact_id
ORDER BY sequence DESC LIMIT 1;

-- name: FindByReference :one
SELECT * FROM consents
WHERE tenant_id = @tenant_id AND source = @source AND reference = @reference AND reference <> '' AND contact_id = @contact_id
  AND purpose_id = @purpose_id AND channel = @channel AND controller = @controller AND action = @action AND occurred_at = @occurred_at;

-- name: ListHeard :many
SELECT e.contact_id, e.reference, p.code AS purpose, e.channel, e.action, e.occurred_at
FROM consents e JOIN purposes p ON p.tenant_id = e.tenant_id AND p.id = e.purpose_id
WHERE e.tenant_id = @tenant_id AND e.source = @source AND e.reference = ANY(@refs::text[]) AND e.reference <> '';

-- name: ListControllers :many
SELECT controller FROM consents WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND controller <> '' GROUP BY controller ORDER BY min(sequence);

-- name: LatestByReference :one
-- What was last heard under a reference of one purpose and channel.
SELECT e.* FROM consents e JOIN purposes p ON p.tenant_id = e.tenant_id AND p.id = e.purpose_id
WHERE e.tenant_id = @tenant_id AND e.source = @source AND e.reference = @reference AND e.reference <> '' AND e.contact_id = @contact_id
  AND p.code = @purpose AND e.channel = @channel AND e.controller = ''
ORDER BY e.occurred_at DESC, e.sequence DESC LIMIT 1;

-- name: ListGivenByReference :many
-- The consents that still stand on what was heard under a reference: of each
-- purpose, channel and address the last answer, if it is a yes. own: another
-- answer of the person is a yes as well.
SELECT g.*, (SELECT p.code FROM purposes p WHERE p.tenant_id = g.tenant_id AND p.id = g.purpose_id)::text AS purpose,
       coalesce((SELECT o.action = 'given' AND (o.expires_at IS NULL OR o.expires_at > @instant::timestamptz) FROM consents o
                 WHERE o.tenant_id = g.tenant_id AND o.contact_id = g.contact_id AND o.purpose_id = g.purpose_id AND o.channel = g.channel AND o.controller = g.controller
                   AND (o.point_value IS NULL OR o.point_value = g.point_value) AND NOT (o.source = g.source AND o.reference = g.reference) AND o.action <> 'pending'
                 ORDER BY o.occurred_at DESC, (o.action <> 'given') DESC LIMIT 1), false)::boolean AS own,
       EXISTS (SELECT 1 FROM contact_points k WHERE k.tenant_id = g.tenant_id AND k.contact_id = g.contact_id AND k.id = g.contact_point_id
               UNION ALL SELECT 1 FROM addresses a WHERE a.tenant_id = g.tenant_id AND a.contact_id = g.contact_id AND a.id = g.address_id)::boolean AS held
FROM (SELECT DISTINCT ON (e.purpose_id, e.channel, e.controller, e.point_value) e.* FROM consents e
      WHERE e.tenant_id = @tenant_id AND e.source = @source AND e.reference = @reference AND e.reference <> '' AND e.contact_id = @contact_id
      ORDER BY e.purpose_id, e.channel, e.controller, e.point_value, e.occurred_at DESC, (e.action <> 'given') DESC, e.sequence DESC) g
WHERE g.action = 'given';

-- name: InsertConsent :one
INSERT INTO consents (tenant_id, id, contact_id, contact_point_id, address_id, point_value, purpose_id, channel, controller, action,
                      occurred_at, zone, recorded_at, expires_at, source, reference, actor_kind, actor_id, mechanism, wording_id,
                      form_id, form_version, url, campaign_id, evidence, withdrawal_url, purpose_copy, controller_name, sequence, previous_digest, digest)
VALUES (@tenant_id, @id, @contact_id, @contact_point_id, @address_id, @point_value, @purpose_id, @channel, @controller, @action,
        @occurred_at, @zone, @recorded_at, @expires_at, @source, @reference, @actor_kind, @actor_id, @mechanism, @wording_id,
        @form_id, @form_version, @url, @campaign_id, @evidence, @withdrawal_url, @purpose_copy, @controller_name, @sequence, @previous_digest, @digest)
RETURNING *;

-- name: GetConsent :one
SELECT * FROM consents WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListConsents :many
SELECT * FROM consents
WHERE consents.tenant_id = @tenant_id
  AND (sqlc.narg('purpose')::text IS NULL OR purpose_id = (SELECT p.id FROM purposes p WHERE p.tenant_id = consents.tenant_id AND p.code = sqlc.narg('purpose')::text))
  AND (cardinality(@channels::text[]) = 0 OR channel = ANY(@channels::text[]))
  AND (cardinality(@actions::text[]) = 0 OR action = ANY(@actions::text[]))
  AND (sqlc.narg('recorded_from')::timestamptz IS NULL OR recorded_at >= sqlc.narg('recorded_from')::timestamptz)
  AND (sqlc.narg('recorded_before')::timestamptz IS NULL OR recorded_at < sqlc.narg('recorded_before')::timestamptz)
  AND (sqlc.narg('after_recorded_at')::timestamptz IS NULL
       OR (recorded_at, id) < (sqlc.narg('after_recorded_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY recorded_at DESC, id DESC
LIMIT @page_size;

-- name: ListHistory :many
WITH RECURSIVE persons AS (
    SELECT c.id FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = @contact_id
    UNION
    SELECT c.id FROM contacts c JOIN persons p ON c.tenant_id = @tenant_id AND c.merged_into = p.id
)
SELECT e.* FROM consents e JOIN persons p ON e.contact_id = p.id
WHERE e.tenant_id = @tenant_id
  AND (sqlc.narg('after_occurred_at')::timestamptz IS NULL
       OR (e.occurred_at, e.id) < (sqlc.narg('after_occurred_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY e.occurred_at DESC, e.id DESC
LIMIT @page_size;

-- name: States :many
-- held says whether the contact still has the address the answer is bound to.
SELECT s.consent_id::uuid AS consent_id, p.code AS purpose, s.channel::text AS channel, s.controller::text AS controller,
       sqlc.embed(e),
       s.state::text AS state, s.since::timestamptz AS since,
       (s.point_value IS NULL OR EXISTS (
            SELECT 1 FROM contact_points k WHERE k.tenant_id = @tenant_id AND k.contact_id = @contact_id AND s.channel <> 'post'
                AND k.kind = CASE s.channel WHEN 'email' THEN 'email' ELSE 'phone' END AND k.normalized = s.point_value)
        OR EXISTS (
            SELECT 1 FROM addresses a WHERE a.tenant_id = @tenant_id AND a.contact_id = @contact_id AND s.channel = 'post'
                AND postal_value(a.delivery, a.building, a.street, a.locality, a.postal_code, a.city, a.country) = s.point_value))::boolean AS held,
       coalesce(s.point_value, '')::text AS about,
       coalesce((SELECT k.id FROM contact_points k WHERE k.tenant_id = @tenant_id AND k.contact_id = @contact_id AND s.channel <> 'post'
                 AND k.kind = CASE s.channel WHEN 'email' THEN 'email' ELSE 'phone' END AND k.normalized = s.point_value),
                '00000000-0000-0000-0000-000000000000'::uuid)::uuid AS present_point_id
FROM consent_states(@tenant_id, @contact_id, @instant) s
JOIN consents e ON e.tenant_id = @tenant_id AND e.id = s.consent_id
JOIN purposes p ON p.tenant_id = @tenant_id AND p.id = s.purpose_id
ORDER BY p.code, s.channel, s.controller, about;

-- name: StateOf :one
-- What counts for one address; an answer about the whole channel where the
-- address has none of its own.
SELECT s.consent_id::uuid AS consent_id, s.state::text AS state, s.since::timestamptz AS since, coalesce(s.point_value, '')::text AS about
FROM consent_states(@tenant_id, @contact_id, @instant) s
JOIN purposes p ON p.tenant_id = @tenant_id AND p.id = s.purpose_id
WHERE p.code = @purpose AND s.channel = @channel::text AND s.controller = @controller::text
  AND (s.point_value IS NULL OR s.point_value = @point_value::text)
ORDER BY about DESC
LIMIT 1;

-- name: EraseConsents :one
-- Empties the entries of contacts that are erased.
SELECT erase_consents(@tenant_id, @contact_ids::uuid[])::bigint;

-- name: KeepBases :exec
-- Derives anew what may be pursued with these contacts.
SELECT keep_bases(@tenant_id, @contact_ids::uuid[], NULL);

-- name: PurposesToOppose :many
-- What somebody may refuse to be written to for (GDPR art. 7(3), 21(2)).
SELECT code FROM purposes
WHERE tenant_id = @tenant_id AND archived_at IS NULL AND legal_basis IN ('consent', 'legitimate_interests')
ORDER BY code;
