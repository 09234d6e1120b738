-- name: ResolvePreferenceLink :one
SELECT tenant_id::uuid AS tenant_id, mode::text AS mode, link_id::uuid AS link_id FROM resolve_preference_link(@link_hash);

-- name: ResolveInstitution :one
SELECT tenant_id::uuid AS tenant_id, mode::text AS mode FROM resolve_institution(@institution_id);

-- name: InsertPreferenceLink :one
INSERT INTO preference_links (tenant_id, id, link_hash, contact_id, kind, point_value, purpose_id, campaign_id, language, created_at, expires_at)
VALUES (@tenant_id, @id, @link_hash, @contact_id, @kind, @point_value, @purpose_id, @campaign_id, @language, @created_at, @expires_at)
RETURNING *;

-- name: GetPreferenceLink :one
SELECT * FROM preference_links WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockPreferenceLink :one
-- One change at a time by one link.
SELECT * FROM preference_links WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: DeleteEndedPreferenceLinks :exec
DELETE FROM preference_links WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: PointOfLink :one
SELECT id, kind, value, normalized, status FROM contact_points
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND kind = @kind AND normalized = @point_value;

-- name: PointForLink :one
SELECT id, kind, value, normalized, status FROM contact_points
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id;

-- name: PurposesToChoose :many
-- What a person has a say in: consent is theirs to give (GDPR art. 7), and they
-- may object where it is not asked for (art. 21).
SELECT id, code, name, description, legal_basis FROM purposes
WHERE tenant_id = @tenant_id AND archived_at IS NULL AND legal_basis IN ('consent', 'legitimate_interests', 'public_task')
ORDER BY code
LIMIT 200;

-- name: PurposeByCode :one
SELECT id, code, legal_basis, archived_at FROM purposes WHERE tenant_id = @tenant_id AND code = @code;

-- name: PurposeByID :one
SELECT id, code FROM purposes WHERE tenant_id = @tenant_id AND id = @id;

-- name: TenantFacts :one
SELECT name, time_zone, locale FROM tenants WHERE tenant_id = @tenant_id;

-- name: LockText :exec
SELECT pg_advisory_xact_lock(hashtextextended( @name::text , 7323));

-- name: CountRequests :one
SELECT count(*) FROM preference_requests WHERE tenant_id = @tenant_id AND email_hash = @email_hash AND requested_at > @since;

-- name: InsertRequest :exec
INSERT INTO preference_requests (tenant_id, id, email, email_hash, language, requested_at)
VALUES (@tenant_id, @id, @email, @email_hash, @language, @requested_at);

-- name: LockRequests :many
SELECT id, email, language FROM preference_requests
WHERE tenant_id = @tenant_id AND email IS NOT NULL
ORDER BY requested_at LIMIT 20 FOR UPDATE SKIP LOCKED;

-- name: SettleRequest :exec
UPDATE preference_requests SET email = NULL WHERE tenant_id = @tenant_id AND id = @id;

-- name: DeleteRequests :exec
DELETE FROM preference_requests WHERE tenant_id = @tenant_id AND requested_at < @before AND email IS NULL;

-- name: EraseLinks :execrows
DELETE FROM preference_links WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);

-- name: EraseRequests :execrows
DELETE FROM preference_requests WHERE tenant_id = @tenant_id AND email_hash = ANY(@email_hashes::bytea[]);
