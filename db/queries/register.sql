-- name: RegisteredFor :one
-- What the activities in force list for purposes, which of them there are, and what those in force rest on.
SELECT coalesce((SELECT array_agg(DISTINCT f.class ORDER BY f.class)
                 FROM processing_activities a
                 JOIN processing_activity_purposes l ON l.tenant_id = a.tenant_id AND l.activity_id = a.id
                 JOIN purposes p ON p.tenant_id = l.tenant_id AND p.id = l.purpose_id AND p.archived_at IS NULL,
                 unnest(a.field_classes) AS f(class)
                 WHERE a.tenant_id = @tenant_id AND a.status = 'active' AND p.code = ANY(@codes::text[])), '{}')::text[] AS classes,
       coalesce((SELECT array_agg(p.code) FROM purposes p WHERE p.tenant_id = @tenant_id AND p.code = ANY(@codes::text[])), '{}')::text[] AS known,
       coalesce((SELECT array_agg(p.id) FROM purposes p WHERE p.tenant_id = @tenant_id AND p.code = ANY(@codes::text[])
                 AND p.archived_at IS NULL AND p.legal_basis = 'consent'), '{}')::uuid[] AS by_consent,
       coalesce((SELECT array_agg(p.id) FROM purposes p WHERE p.tenant_id = @tenant_id AND p.code = ANY(@codes::text[])
                 AND p.archived_at IS NULL AND p.legal_basis <> 'consent'), '{}')::uuid[] AS otherwise;

-- name: InsertActivity :one
INSERT INTO processing_activities (tenant_id, id, code, name, role, status, description, parties, person_categories, field_classes, data_categories,
                                   recipients, retention, security_measures, processors, source_codes, webhook_endpoint_ids, sends_mail)
VALUES (@tenant_id, @id, @code, @name, @role, @status, @description, @parties, @person_categories, @field_classes, @data_categories,
        @recipients, @retention, @security_measures, @processors, @source_codes, @webhook_endpoint_ids, @sends_mail)
RETURNING *;

-- name: UpdateActivity :one
UPDATE processing_activities
SET name = @name, status = @status, description = @description, parties = @parties, person_categories = @person_categories,
    field_classes = @field_classes, data_categories = @data_categories, recipients = @recipients, retention = @retention,
    security_measures = @security_measures, processors = @processors, source_codes = @source_codes,
    webhook_endpoint_ids = @webhook_endpoint_ids, sends_mail = @sends_mail, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: GetActivity :one
SELECT * FROM processing_activities WHERE tenant_id = @tenant_id AND id = @id;

-- name: GetActivityByCode :one
SELECT * FROM processing_activities WHERE tenant_id = @tenant_id AND code = @code;

-- name: LockActivity :one
SELECT * FROM processing_activities WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: ListActivities :many
SELECT * FROM processing_activities
WHERE tenant_id = @tenant_id AND (sqlc.narg('after_code')::text IS NULL OR code > sqlc.narg('after_code')::text)
ORDER BY code LIMIT @page_size;

-- name: ListAllActivities :many
SELECT * FROM processing_activities WHERE tenant_id = @tenant_id ORDER BY role, code;

-- name: ListPurposesOf :many
SELECT activity_id, purpose_id FROM processing_activity_purposes
WHERE tenant_id = @tenant_id AND activity_id = ANY(@activity_ids::uuid[]) ORDER BY activity_id, purpose_id;

-- name: DropPurposesOf :exec
DELETE FROM processing_activity_purposes WHERE tenant_id = @tenant_id AND activity_id = @activity_id;

-- name: AddPurposes :exec
INSERT INTO processing_activity_purposes (tenant_id, activity_id, purpose_id)
SELECT @tenant_id, @activity_id, unnest(@purpose_ids::uuid[]);

-- name: ListRegisteredPurposes :many
SELECT id, code, name, legal_basis, archived_at FROM purposes WHERE tenant_id = @tenant_id ORDER BY code;

-- name: InstitutionName :one
SELECT name FROM tenants WHERE tenant_id = @tenant_id;

-- name: ListServants :many
-- What is configured and handles personal data, with the purposes it names itself.
SELECT 'form'::text AS kind, f.id::text AS id, f.name::text AS name,
       coalesce((SELECT array_agg(DISTINCT p.code #>> '{}') FROM jsonb_path_query(f.definition, '$.**.purpose') AS p(code) WHERE jsonb_typeof(p.code) = 'string'), '{}')::text[] AS purposes
FROM forms f WHERE f.tenant_id = @tenant_id AND f.status <> 'closed'
UNION ALL
SELECT 'api_key', k.id::text, k.name, k.purposes FROM api_keys k
WHERE k.tenant_id = @tenant_id AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
UNION ALL
SELECT 'oauth_client', c.id::text, c.name, c.purposes FROM oauth_clients c
WHERE c.tenant_id = @tenant_id AND c.revoked_at IS NULL AND (c.expires_at IS NULL OR c.expires_at > now())
UNION ALL
SELECT 'ticketing_source', s.code, s.name, '{}' FROM ticketing_sources s WHERE s.tenant_id = @tenant_id
UNION ALL
SELECT 'webhook_endpoint', e.id::text, e.url, '{}' FROM webhook_endpoints e WHERE e.tenant_id = @tenant_id AND e.status <> 'disabled'
ORDER BY 1, 3, 2;

-- name: ListOutgoing :many
-- Where the institution has something sent or asked for, by what it is for.
SELECT 'webhooks'::text AS use, e.url FROM webhook_endpoints e WHERE e.tenant_id = @tenant_id AND e.status <> 'disabled'
UNION
SELECT 'logs', f.url FROM siem_forwarders f WHERE f.tenant_id = @tenant_id AND f.status = 'active'
UNION
SELECT 'sign-in', i.issuer FROM identity_providers i WHERE i.tenant_id = @tenant_id AND i.is_enabled AND i.protocol = 'oidc'
UNION
SELECT 'sign-in', i.jwks_uri::text FROM identity_providers i WHERE i.tenant_id = @tenant_id AND i.is_enabled AND i.jwks_uri IS NOT NULL
UNION
SELECT 'ticketing', c.base_url::text FROM connector_connections c WHERE c.tenant_id = @tenant_id AND c.is_enabled AND c.base_url IS NOT NULL
UNION
SELECT 'sibil', s.base_url FROM sibil_settings s WHERE s.tenant_id = @tenant_id AND s.is_enabled
ORDER BY 1, 2;

-- name: ListUnknown :many
-- Which of these endpoints and sources the institution does not have.
SELECT e.id::text AS named FROM unnest(@endpoints::uuid[]) AS e(id)
WHERE NOT EXISTS (SELECT 1 FROM webhook_endpoints w WHERE w.tenant_id = @tenant_id AND w.id = e.id)
UNION ALL
SELECT s.code FROM unnest(@sources::text[]) AS s(code)
WHERE NOT EXISTS (SELECT 1 FROM ticketing_sources t WHERE t.tenant_id = @tenant_id AND t.code = s.code);
