-- name: ListProductionsByReference :many
SELECT p.* FROM ticketing_references r
JOIN ticketing_productions p ON p.tenant_id = r.tenant_id AND p.id = r.record_id
WHERE r.tenant_id = @tenant_id AND r.scheme = @scheme AND r.identifier = @identifier AND NOT p.deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR p.source_id = sqlc.narg('source_id'))
  AND r.record_id > @after_id::uuid
ORDER BY r.record_id LIMIT @page_size;

-- name: ListVenuesByReference :many
SELECT p.* FROM ticketing_references r
JOIN ticketing_venues p ON p.tenant_id = r.tenant_id AND p.id = r.record_id
WHERE r.tenant_id = @tenant_id AND r.scheme = @scheme AND r.identifier = @identifier AND NOT p.deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR p.source_id = sqlc.narg('source_id'))
  AND r.record_id > @after_id::uuid
ORDER BY r.record_id LIMIT @page_size;

-- name: ListPerformancesByReference :many
SELECT p.* FROM ticketing_references r
JOIN ticketing_performances p ON p.tenant_id = r.tenant_id AND p.id = r.record_id
WHERE r.tenant_id = @tenant_id AND r.scheme = @scheme AND r.identifier = @identifier AND NOT p.deleted
  AND (sqlc.narg('source_id')::uuid IS NULL OR p.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('production_id')::uuid IS NULL OR p.production_id = sqlc.narg('production_id'))
  AND (sqlc.narg('starts_from')::timestamptz IS NULL OR p.starts_at >= sqlc.narg('starts_from'))
  AND (sqlc.narg('starts_before')::timestamptz IS NULL OR p.starts_at < sqlc.narg('starts_before'))
  AND (coalesce(p.starts_at, 'infinity'::timestamptz), p.id) > (coalesce(sqlc.narg('after_starts_at')::timestamptz, CASE WHEN @resumed::boolean THEN 'infinity'::timestamptz ELSE '-infinity'::timestamptz END), @after_id::uuid)
ORDER BY coalesce(p.starts_at, 'infinity'::timestamptz), p.id LIMIT @page_size;

-- name: SetProductionReferences :one
UPDATE ticketing_productions SET set_references = @set_references, version = version + 1, updated_at = @set_at
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: SetPerformanceReferences :one
UPDATE ticketing_performances SET set_references = @set_references, version = version + 1, updated_at = @set_at
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: SetVenueReferences :one
UPDATE ticketing_venues SET set_references = @set_references, version = version + 1, updated_at = @set_at
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ForgetReferences :exec
DELETE FROM ticketing_references WHERE tenant_id = @tenant_id AND record_id = ANY(@record_ids::uuid[]);

-- name: InsertReferences :exec
INSERT INTO ticketing_references (tenant_id, record_id, scheme, identifier)
SELECT @tenant_id, unnest(@record_ids::uuid[]), unnest(@schemes::text[]), unnest(@identifiers::text[]);

-- name: InsertVocabulary :one
INSERT INTO ticketing_vocabularies (tenant_id, id, code, name, uri, edition, description)
VALUES (@tenant_id, @id, @code, @name, @uri, @edition, @description)
RETURNING *;

-- name: GetVocabulary :one
SELECT * FROM ticketing_vocabularies WHERE tenant_id = @tenant_id AND id = @id;

-- name: FindVocabulary :one
-- Held until the end, so that none of its values is mapped while it goes.
SELECT * FROM ticketing_vocabularies WHERE tenant_id = @tenant_id AND code = @code FOR KEY SHARE;

-- name: LockVocabulary :one
SELECT * FROM ticketing_vocabularies WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UpdateVocabulary :one
UPDATE ticketing_vocabularies
SET name = @name, uri = @uri, edition = @edition, description = @description, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteVocabulary :exec
DELETE FROM ticketing_vocabularies WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListVocabularies :many
SELECT * FROM ticketing_vocabularies
WHERE tenant_id = @tenant_id AND code > @after_code::text
  AND (sqlc.narg('code')::text IS NULL OR code = sqlc.narg('code'))
ORDER BY code LIMIT @page_size;

-- name: VocabularyInUse :one
SELECT EXISTS (SELECT 1 FROM ticketing_mappings WHERE tenant_id = @tenant_id AND vocabulary_id = @vocabulary_id)::boolean;

-- name: InsertMapping :one
INSERT INTO ticketing_mappings (tenant_id, id, vocabulary_id, source_id, field, value, term_id, term_label, term_uri)
VALUES (@tenant_id, @id, @vocabulary_id, sqlc.narg('source_id'), @field, @value, @term_id, @term_label, @term_uri)
ON CONFLICT ON CONSTRAINT ticketing_mappings_value DO NOTHING
RETURNING *;

-- name: GetMapping :one
SELECT sqlc.embed(m), v.code, s.code AS source_code FROM ticketing_mappings m
JOIN ticketing_vocabularies v ON v.tenant_id = m.tenant_id AND v.id = m.vocabulary_id
LEFT JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
WHERE m.tenant_id = @tenant_id AND m.id = @id;

-- name: LockMapping :one
SELECT * FROM ticketing_mappings WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: FindMapping :one
SELECT * FROM ticketing_mappings
WHERE tenant_id = @tenant_id AND field = @field AND value = @value AND vocabulary_id = @vocabulary_id AND source_id IS NOT DISTINCT FROM sqlc.narg('source_id')::uuid
FOR UPDATE;

-- name: UpdateMapping :one
UPDATE ticketing_mappings
SET term_id = @term_id, term_label = @term_label, term_uri = @term_uri, version = version + 1, updated_at = now()
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteMapping :exec
DELETE FROM ticketing_mappings WHERE tenant_id = @tenant_id AND id = @id;

-- name: DeleteMappingsOfSource :many
DELETE FROM ticketing_mappings WHERE tenant_id = @tenant_id AND source_id = @source_id::uuid
RETURNING *;

-- name: ListMappings :many
SELECT sqlc.embed(m), v.code, s.code AS source_code FROM ticketing_mappings m
JOIN ticketing_vocabularies v ON v.tenant_id = m.tenant_id AND v.id = m.vocabulary_id
LEFT JOIN ticketing_sources s ON s.tenant_id = m.tenant_id AND s.id = m.source_id
WHERE m.tenant_id = @tenant_id AND m.id > @after_id::uuid
  AND (sqlc.narg('vocabulary')::text IS NULL OR v.code = sqlc.narg('vocabulary'))
  AND (sqlc.narg('source_id')::uuid IS NULL OR m.source_id = sqlc.narg('source_id'))
  AND (sqlc.narg('only')::uuid IS NULL OR m.source_id IS NULL OR m.source_id = sqlc.narg('only'))
  AND (sqlc.narg('field')::text IS NULL OR m.field = sqlc.narg('field'))
  AND (sqlc.narg('value')::text IS NULL OR m.value = sqlc.narg('value'))
  AND (sqlc.narg('term_id')::text IS NULL OR m.term_id = sqlc.narg('term_id'))
ORDER BY m.id LIMIT @page_size;

-- name: FindTerms :many
-- What values stand for, at these sources or at all.
SELECT sqlc.embed(m), v.code FROM (SELECT DISTINCT unnest(@fields::text[]) AS field, unnest(@asked::text[]) AS value) w
JOIN ticketing_mappings m ON m.tenant_id = @tenant_id AND m.field = w.field AND m.value = w.value
JOIN ticketing_vocabularies v ON v.tenant_id = m.tenant_id AND v.id = m.vocabulary_id
WHERE m.source_id IS NULL OR m.source_id = ANY(@source_ids::uuid[])
ORDER BY v.code, m.id;

-- name: RetermProductions :many
-- Values of theirs stand for something else now.
UPDATE ticketing_productions p SET version = p.version + 1, updated_at = @settled_at
WHERE p.tenant_id = @tenant_id AND NOT p.stub AND NOT p.deleted AND EXISTS (
    SELECT 1 FROM (SELECT unnest(@source_ids::uuid[]) AS source_id, unnest(@fields::text[]) AS field, unnest(@changed::text[]) AS value) w
    WHERE (w.source_id = '00000000-0000-0000-0000-000000000000' OR w.source_id = p.source_id)
      AND (w.field = 'discipline' AND w.value = p.discipline OR w.field = 'season' AND w.value = p.season OR w.field = 'festival' AND w.value = p.festival))
RETURNING p.id, p.version;

-- name: RetermPerformances :many
UPDATE ticketing_performances p SET version = p.version + 1, updated_at = @settled_at
WHERE p.tenant_id = @tenant_id AND NOT p.stub AND NOT p.deleted AND EXISTS (
    SELECT 1 FROM (SELECT unnest(@source_ids::uuid[]) AS source_id, unnest(@changed::text[]) AS value) w
    WHERE (w.source_id = '00000000-0000-0000-0000-000000000000' OR w.source_id = p.source_id) AND w.value = p.venue)
RETURNING p.id, p.version;

-- name: RetermVenues :many
UPDATE ticketing_venues p SET version = p.version + 1, updated_at = @settled_at
WHERE p.tenant_id = @tenant_id AND NOT p.stub AND NOT p.deleted AND EXISTS (
    SELECT 1 FROM (SELECT unnest(@source_ids::uuid[]) AS source_id, unnest(@changed::text[]) AS value) w
    WHERE (w.source_id = '00000000-0000-0000-0000-000000000000' OR w.source_id = p.source_id)
      AND (w.value = p.external_id OR EXISTS (SELECT 1 FROM jsonb_each_text(p.name) n WHERE n.value = w.value)))
RETURNING p.id, p.version;

-- name: RetermPriceTypes :many
UPDATE ticketing_price_types p SET version = p.version + 1, updated_at = @settled_at
WHERE p.tenant_id = @tenant_id AND NOT p.stub AND NOT p.deleted AND EXISTS (
    SELECT 1 FROM (SELECT unnest(@source_ids::uuid[]) AS source_id, unnest(@fields::text[]) AS field, unnest(@changed::text[]) AS value) w
    WHERE (w.source_id = '00000000-0000-0000-0000-000000000000' OR w.source_id = p.source_id)
      AND (w.field = 'audience' AND w.value = p.audience
        OR w.field = 'price_type' AND (w.value = p.external_id OR EXISTS (SELECT 1 FROM jsonb_each_text(p.name) n WHERE n.value = w.value))))
RETURNING p.id, p.version;
