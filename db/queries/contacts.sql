-- name: InsertContact :exec
INSERT INTO contacts (tenant_id, id, kind, civility, title, given_name, given_names, family_name, birth_name, particle,
                      name_suffix, nickname, birthdate, legal_name, trade_name, organisation_type, siren, siret, rna,
                      website, locale, zoneinfo, display_name, sort_name, source, created_at, updated_at,
                      department_ids, reach_department_ids, act_department_ids, export_department_ids, owner_id)
VALUES (@tenant_id, @id, @kind, @civility, @title, @given_name, @given_names, @family_name, @birth_name, @particle,
        @name_suffix, @nickname, @birthdate, @legal_name, @trade_name, @organisation_type, @siren, @siret, @rna,
        @website, @locale, @zoneinfo, @display_name, @sort_name, @source, @created_at, @updated_at,
        @department_ids::uuid[], @department_ids::uuid[], @department_ids::uuid[], @department_ids::uuid[], @owner_id);

-- name: InsertSearch :exec
INSERT INTO contact_search (tenant_id, contact_id, words, name_keys)
VALUES (@tenant_id, @contact_id, @words, @name_keys);

-- name: UpdateSearch :exec
INSERT INTO contact_search (tenant_id, contact_id, words, name_keys)
VALUES (@tenant_id, @contact_id, @words, @name_keys)
ON CONFLICT (tenant_id, contact_id) DO UPDATE SET words = excluded.words, name_keys = excluded.name_keys;

-- name: GetContact :one
SELECT * FROM contacts WHERE tenant_id = @tenant_id AND id = @id;

-- name: HasBasis :one
-- Whether any of these purposes may be pursued with a contact at an instant.
SELECT has_basis(@tenant_id, @contact_id, @by_consent::uuid[], @otherwise::uuid[], @instant::timestamptz)::boolean;

-- name: LockContact :one
SELECT * FROM contacts WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: LockContacts :many
-- In the order of their ids, so that two batches never wait for each other in a circle.
SELECT c.id FROM contacts c
WHERE c.tenant_id = @tenant_id AND c.id IN (
    SELECT unnest(@ids::uuid[])
    UNION ALL
    SELECT e.contact_id FROM contact_external_ids e
    WHERE e.tenant_id = @tenant_id
      AND (e.source, e.external_id) IN (SELECT unnest(@sources::text[]), unnest(@external_ids::text[]))
)
ORDER BY c.id FOR UPDATE OF c;

-- name: UpdateContact :one
UPDATE contacts
SET civility = @civility, title = @title, given_name = @given_name, given_names = @given_names, family_name = @family_name,
    birth_name = @birth_name, particle = @particle, name_suffix = @name_suffix, nickname = @nickname, birthdate = @birthdate,
    legal_name = @legal_name, trade_name = @trade_name, organisation_type = @organisation_type, siren = @siren,
    siret = @siret, rna = @rna, website = @website, locale = @locale, zoneinfo = @zoneinfo,
    display_name = @display_name, sort_name = @sort_name, owner_id = @owner_id, updated_at = @updated_at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: SetArchived :one
UPDATE contacts
SET archived_at = sqlc.narg('archived_at'), purge_after = sqlc.narg('purge_after'), updated_at = @updated_at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: FindByExternalID :one
SELECT c.* FROM contact_external_ids e
JOIN contacts c ON c.tenant_id = e.tenant_id AND c.id = e.contact_id
WHERE e.tenant_id = @tenant_id AND e.source = @source AND e.external_id = @external_id;

-- name: FindByPoint :many
-- Contacts that can be reached at a point and are neither archived nor merged.
SELECT c.* FROM contact_points p
JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id
WHERE p.tenant_id = @tenant_id AND p.kind = @kind AND p.normalized = @normalized
  AND c.archived_at IS NULL AND c.merged_into IS NULL
ORDER BY c.id
LIMIT 200;

-- name: FindByVerifiedPoint :many
SELECT c.* FROM contact_points p
JOIN contacts c ON c.tenant_id = p.tenant_id AND c.id = p.contact_id
WHERE p.tenant_id = @tenant_id AND p.kind = @kind AND p.normalized = ANY(@normalized::text[]) AND p.verified_at IS NOT NULL
  AND c.archived_at IS NULL AND c.merged_into IS NULL
ORDER BY c.id
LIMIT 200;

-- name: InsertPoint :exec
INSERT INTO contact_points (tenant_id, id, contact_id, kind, platform, label, value, normalized, is_primary, status,
                            status_at, status_reason, verified_at, source, created_at, updated_at)
VALUES (@tenant_id, @id, @contact_id, @kind, @platform, @label, @value, @normalized, @is_primary, @status,
        @status_at, @status_reason, @verified_at, @source, @created_at, @updated_at);

-- name: GetPoint :one
SELECT * FROM contact_points WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id;

-- name: LockPoint :one
SELECT * FROM contact_points WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id FOR UPDATE;

-- name: LockPointAlone :one
SELECT * FROM contact_points WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: FindPoint :one
SELECT * FROM contact_points
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND kind = @kind AND normalized = @normalized;

-- name: LockPoints :many
-- All points of a contact, after its row, so that who is primary changes hands in one piece.
SELECT * FROM contact_points WHERE tenant_id = @tenant_id AND contact_id = @contact_id ORDER BY id FOR UPDATE;

-- name: UpdatePoint :one
UPDATE contact_points
SET label = @label, platform = @platform, value = @value, normalized = @normalized, is_primary = @is_primary, status = @status,
    status_at = @status_at, status_reason = @status_reason, verified_at = @verified_at, updated_at = @updated_at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeletePoint :exec
DELETE FROM contact_points WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListPoints :many
SELECT * FROM contact_points
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id > @after
ORDER BY id LIMIT @page_size;

-- name: ListPointsOf :many
SELECT * FROM contact_points WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]) ORDER BY contact_id, id;

-- name: InsertAddress :exec
INSERT INTO addresses (tenant_id, id, contact_id, label, recipient, delivery, building, street, locality, postal_code, city,
                       country, insee_code, is_primary, status, status_at, status_reason, valid_from, valid_to, source, created_at, updated_at)
VALUES (@tenant_id, @id, @contact_id, @label, @recipient, @delivery, @building, @street, @locality, @postal_code, @city,
        @country, @insee_code, @is_primary, @status, @status_at, @status_reason, @valid_from, @valid_to, @source, @created_at, @updated_at);

-- name: GetAddress :one
SELECT * FROM addresses WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id = @id;

-- name: LockAddresses :many
SELECT * FROM addresses WHERE tenant_id = @tenant_id AND contact_id = @contact_id ORDER BY id FOR UPDATE;

-- name: UpdateAddress :one
UPDATE addresses
SET label = @label, recipient = @recipient, delivery = @delivery, building = @building, street = @street, locality = @locality,
    postal_code = @postal_code, city = @city, country = @country, insee_code = @insee_code, is_primary = @is_primary,
    status = @status, status_at = @status_at, status_reason = @status_reason, valid_from = @valid_from, valid_to = @valid_to,
    updated_at = @updated_at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteAddress :exec
DELETE FROM addresses WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListAddresses :many
SELECT * FROM addresses
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND id > @after
ORDER BY id LIMIT @page_size;

-- name: ListAddressesOf :many
SELECT * FROM addresses WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]) ORDER BY contact_id, id;

-- name: InsertExternalID :exec
INSERT INTO contact_external_ids (tenant_id, source, external_id, contact_id, first_seen_at)
VALUES (@tenant_id, @source, @external_id, @contact_id, @first_seen_at);

-- name: FindTakenExternalIDs :many
-- The contacts that have one of these names already.
SELECT e.contact_id FROM contact_external_ids e
JOIN (SELECT unnest(@sources::text[]) AS source, unnest(@external_ids::text[]) AS external_id) w
  ON w.source = e.source AND w.external_id = e.external_id
WHERE e.tenant_id = @tenant_id;

-- name: LinkExternalID :many
-- Nothing comes back when the name was taken already.
INSERT INTO contact_external_ids (tenant_id, source, external_id, contact_id, first_seen_at)
VALUES (@tenant_id, @source, @external_id, @contact_id, @first_seen_at)
ON CONFLICT (tenant_id, source, external_id) DO NOTHING
RETURNING *;

-- name: GetExternalID :one
SELECT * FROM contact_external_ids WHERE tenant_id = @tenant_id AND source = @source AND external_id = @external_id;

-- name: UnlinkExternalID :execrows
DELETE FROM contact_external_ids
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND source = @source AND external_id = @external_id;

-- name: ListExternalIDs :many
SELECT * FROM contact_external_ids
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND (source, external_id) > (@after_source::text, @after_external_id::text)
ORDER BY source, external_id LIMIT @page_size;

-- name: ListExternalIDsOf :many
SELECT * FROM contact_external_ids WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]) ORDER BY contact_id, source, external_id;

-- name: LockNames :exec
-- Who brings an external id in holds its name until the end of the transaction.
-- Sorted, so that two batches never wait for each other in a circle.
SELECT pg_advisory_xact_lock(hashtextextended(n, 7322)) FROM unnest(@names::text[]) AS n ORDER BY n;

-- name: InsertTag :one
INSERT INTO tags (tenant_id, id, name, folded, description, created_at, updated_at)
VALUES (@tenant_id, @id, @name, @folded, @description, @created_at, @updated_at)
RETURNING *;

-- name: GetTag :one
SELECT * FROM tags WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindTag :one
SELECT * FROM tags WHERE tenant_id = @tenant_id AND folded = @folded AND merged_into IS NULL;

-- name: LockTags :many
SELECT * FROM tags WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) ORDER BY id FOR UPDATE;

-- name: ShareTags :many
-- Tags about to be given: they cannot be archived or merged until we are done.
SELECT * FROM tags WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) ORDER BY id FOR SHARE;

-- name: UpdateTag :one
UPDATE tags
SET name = @name, folded = @folded, description = @description, archived_at = @archived_at, merged_into = @merged_into,
    updated_at = @updated_at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListTags :many
SELECT * FROM tags
WHERE tenant_id = @tenant_id AND merged_into IS NULL AND (folded, id) > (@after_folded::text, @after_id::uuid)
  AND folded >= @prefix::text AND folded < @prefix::text || chr(1114111)
  AND (@archived::text = 'true' OR (archived_at IS NOT NULL) = (@archived::text = 'only'))
ORDER BY folded, id LIMIT @page_size;

-- name: ListTagsOf :many
SELECT ct.contact_id, ct.tagged_at, t.id, t.name FROM contact_tags ct
JOIN tags t ON t.tenant_id = ct.tenant_id AND t.id = ct.tag_id
WHERE ct.tenant_id = @tenant_id AND ct.contact_id = ANY(@contact_ids::uuid[])
ORDER BY ct.contact_id, t.folded;

-- name: GiveTag :execrows
INSERT INTO contact_tags (tenant_id, contact_id, tag_id, tagged_at)
VALUES (@tenant_id, @contact_id, @tag_id, @tagged_at)
ON CONFLICT DO NOTHING;

-- name: TakeTag :execrows
DELETE FROM contact_tags WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND tag_id = @tag_id;

-- name: MoveTag :execrows
-- Every bearer of one tag bears the other from now on, and since the same day.
WITH moved AS (
    DELETE FROM contact_tags t WHERE t.tenant_id = @tenant_id AND t.tag_id = @from_tag RETURNING t.contact_id, t.tagged_at
)
INSERT INTO contact_tags (tenant_id, contact_id, tag_id, tagged_at)
SELECT @tenant_id, m.contact_id, @to_tag, m.tagged_at FROM moved m
ON CONFLICT DO NOTHING;

-- name: LockByExternalID :one
SELECT c.* FROM contact_external_ids e
JOIN contacts c ON c.tenant_id = e.tenant_id AND c.id = e.contact_id
WHERE e.tenant_id = @tenant_id AND e.source = @source AND e.external_id = @external_id
FOR UPDATE OF c;

-- name: ListContactEvents :many
-- All that is told of a contact and of what hangs on it, in its order; what has
-- no number yet is the latest.
SELECT e.id, e.type, e.subject_kind, e.subject_id, e.subject_version, e.occurred_at, e.source, e.facts, e.changes_digest, c.changes
FROM events_of_contact(@tenant_id, @contact_id) AS f(id)
JOIN events e ON e.tenant_id = @tenant_id AND e.id = f.id
LEFT JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
LEFT JOIN event_changes c ON c.tenant_id = e.tenant_id AND c.event_id = e.id
WHERE e.subject_kind IN ('contact', 'contact_point', 'address')
ORDER BY s.sequence NULLS LAST, e.id;

-- name: ListTagEvents :many
SELECT e.id, e.type, e.subject_id, e.occurred_at, e.facts, e.changes_digest, c.changes
FROM events e
LEFT JOIN event_sequence s ON s.tenant_id = e.tenant_id AND s.event_id = e.id
LEFT JOIN event_changes c ON c.tenant_id = e.tenant_id AND c.event_id = e.id
WHERE e.tenant_id = @tenant_id AND e.subject_id = ANY(@tag_ids::uuid[]) AND e.subject_kind = 'tag'
ORDER BY s.sequence NULLS LAST, e.id;

-- name: ListTagsByID :many
SELECT * FROM tags WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: SetRestricted :one
UPDATE contacts
SET restricted = @restricted, viewer_ids = @viewer_ids::uuid[], updated_at = @updated_at, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: TouchContact :one
UPDATE contacts SET updated_at = @updated_at, version = version + 1 WHERE tenant_id = @tenant_id AND id = @id RETURNING *;

-- name: InsertContactDepartments :exec
-- The departments in which a contact is made hold it with every verb.
INSERT INTO contact_departments (tenant_id, contact_id, department_id, verbs, shared_at)
SELECT @tenant_id, @contact_id, d, @verbs::text[], @shared_at FROM unnest(@department_ids::uuid[]) AS d;

-- name: PutContactDepartment :one
INSERT INTO contact_departments (tenant_id, contact_id, department_id, verbs, shared_at)
VALUES (@tenant_id, @contact_id, @department_id, @verbs::text[], @shared_at)
ON CONFLICT (tenant_id, contact_id, department_id) DO UPDATE SET verbs = excluded.verbs
RETURNING *;

-- name: DeleteContactDepartment :exec
DELETE FROM contact_departments WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND department_id = @department_id;

-- name: GetContactDepartment :one
SELECT * FROM contact_departments WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND department_id = @department_id;

-- name: ListContactDepartments :many
SELECT * FROM contact_departments
WHERE tenant_id = @tenant_id AND contact_id = @contact_id AND department_id > @after
ORDER BY department_id LIMIT @page_size;

-- name: FindDepartments :many
-- Of these departments those that there are.
SELECT id FROM departments WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND archived_at IS NULL;

-- name: FindTopDepartments :many
-- Of these departments those that are below none of the others.
SELECT id FROM departments
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) AND archived_at IS NULL
  AND (parent_id IS NULL OR parent_id <> ALL(@ids::uuid[]))
ORDER BY id;

-- name: FindUsers :many
SELECT id FROM users WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: FindUsersAndTeams :many
SELECT u.id FROM users u WHERE u.tenant_id = @tenant_id AND u.id = ANY(@ids::uuid[])
UNION ALL
SELECT t.id FROM teams t WHERE t.tenant_id = @tenant_id AND t.id = ANY(@ids::uuid[]);

-- name: ListOwnedContacts :many
-- Contacts that a user looks after, held until the end of the transaction.
SELECT * FROM contacts
WHERE tenant_id = @tenant_id AND owner_id = @owner_id::uuid
ORDER BY id
LIMIT @page_size
FOR UPDATE;

-- name: SetContactOwner :many
UPDATE contacts SET owner_id = @owner_id::uuid, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[])
RETURNING *;

-- name: CountContactsOfOwner :one
SELECT count(*)::bigint FROM contacts WHERE tenant_id = @tenant_id AND owner_id = @owner_id::uuid;

-- name: ListFamily :many
-- A contact and all that were merged into it.
WITH RECURSIVE family AS (
    SELECT c.id FROM contacts c WHERE c.tenant_id = @tenant_id AND c.id = @contact_id
    UNION
    SELECT c.id FROM contacts c JOIN family f ON c.merged_into = f.id WHERE c.tenant_id = @tenant_id
)
SELECT family.id::uuid AS id FROM family ORDER BY 1;

-- name: LockFamily :many
SELECT * FROM contacts WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]) ORDER BY id FOR UPDATE;

-- name: EraseContact :one
UPDATE contacts
SET civility = NULL, title = NULL, given_name = NULL, given_names = NULL, family_name = NULL, birth_name = NULL, particle = NULL, name_suffix = NULL,
    nickname = NULL, birthdate = NULL, legal_name = NULL, trade_name = NULL, organisation_type = NULL, siren = NULL, siret = NULL, rna = NULL,
    website = NULL, locale = NULL, zoneinfo = NULL, display_name = @display_name, sort_name = @sort_name, source = '', owner_id = NULL,
    archived_at = coalesce(archived_at, @erased_at::timestamptz), purge_after = NULL, erased_at = @erased_at::timestamptz, updated_at = @erased_at::timestamptz, version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ErasePoints :execrows
DELETE FROM contact_points WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);

-- name: EraseAddresses :execrows
DELETE FROM addresses WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);

-- name: EraseExternalIDs :execrows
DELETE FROM contact_external_ids WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);

-- name: EraseTags :execrows
DELETE FROM contact_tags WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);

-- name: EraseSearch :exec
DELETE FROM contact_search WHERE tenant_id = @tenant_id AND contact_id = ANY(@contact_ids::uuid[]);

-- name: GetErasureKey :one
SELECT * FROM contact_erasure_keys WHERE tenant_id = @tenant_id ORDER BY created_at, id LIMIT 1;

-- name: InsertErasureKey :exec
-- One an institution, whoever comes first.
INSERT INTO contact_erasure_keys (tenant_id, id, hashing_sealed) VALUES (@tenant_id, @id, @hashing_sealed)
ON CONFLICT (tenant_id, id) DO NOTHING;

-- name: InsertErasedNames :exec
INSERT INTO contact_erased_names (tenant_id, name_hash, contact_id, erased_at)
SELECT @tenant_id, unnest(@name_hashes::bytea[]), unnest(@contact_ids::uuid[]), @erased_at
ON CONFLICT (tenant_id, name_hash) DO NOTHING;

-- name: FindErasedNames :many
SELECT name_hash, contact_id FROM contact_erased_names WHERE tenant_id = @tenant_id AND name_hash = ANY(@name_hashes::bytea[]);

-- name: InsertOppositions :exec
INSERT INTO contact_oppositions (tenant_id, point_hash, kind, since)
SELECT @tenant_id, unnest(@point_hashes::bytea[]), unnest(@kinds::text[]), @since
ON CONFLICT (tenant_id, point_hash) DO UPDATE SET since = greatest(contact_oppositions.since, excluded.since);

-- name: FindOppositions :many
SELECT point_hash, since FROM contact_oppositions WHERE tenant_id = @tenant_id AND point_hash = ANY(@point_hashes::bytea[]);

-- name: MayOnContact :one
-- Asked with the sight of whoever wants to do it.
SELECT may(@verb::text, @tenant_id::uuid, @contact_id::uuid)::boolean;
