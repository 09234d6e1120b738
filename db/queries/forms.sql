-- name: InsertForm :one
INSERT INTO forms (tenant_id, id, slug, name, definition) VALUES (@tenant_id, @id, @slug, @name, @definition) RETURNING *;

-- name: GetForm :one
SELECT * FROM forms WHERE tenant_id = @tenant_id AND id = @id;

-- name: FormBySlug :one
SELECT id FROM forms WHERE tenant_id = @tenant_id AND slug = @slug;

-- name: LockForm :one
SELECT * FROM forms WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UpdateForm :one
UPDATE forms
SET name = @name, definition = @definition, status = @status, published_version = @published_version, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: DeleteForm :exec
DELETE FROM forms WHERE tenant_id = @tenant_id AND id = @id;

-- name: ListForms :many
SELECT * FROM forms
WHERE tenant_id = @tenant_id
  AND (cardinality(@statuses::text[]) = 0 OR status = ANY(@statuses::text[]))
  AND (sqlc.narg('after_at')::timestamptz IS NULL OR (created_at, id) < (sqlc.narg('after_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC
LIMIT @page_size;

-- name: InsertFormVersion :exec
INSERT INTO form_versions (tenant_id, form_id, number, definition, published_at)
VALUES (@tenant_id, @form_id, @number, @definition, @published_at);

-- name: GetFormVersion :one
SELECT * FROM form_versions WHERE tenant_id = @tenant_id AND form_id = @form_id AND number = @number;

-- name: PurposesOf :many
SELECT code FROM purposes WHERE tenant_id = @tenant_id AND code = ANY(@codes::text[]) AND archived_at IS NULL;

-- name: WordingsOf :many
SELECT id, language, text FROM consent_wordings WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: TenantFacts :one
SELECT name, time_zone FROM tenants WHERE tenant_id = @tenant_id;

-- name: ResolvePublicForm :one
SELECT tenant_id::uuid AS tenant_id, mode::text AS mode, published_version::bigint AS published_version, allowed_origins::jsonb AS allowed_origins
FROM resolve_public_form(@form_id);

-- name: ResolveConfirmation :one
SELECT tenant_id::uuid AS tenant_id, mode::text AS mode, submission_id::uuid AS submission_id FROM resolve_form_confirmation(@token_hash);

-- name: LockText :exec
SELECT pg_advisory_xact_lock(hashtextextended( @name::text , 7322));

-- name: InsertNonce :execrows
INSERT INTO form_nonces (tenant_id, nonce, expires_at) VALUES (@tenant_id, @nonce, @expires_at) ON CONFLICT DO NOTHING;

-- name: DeleteNonces :exec
DELETE FROM form_nonces WHERE tenant_id = @tenant_id AND expires_at < @before;

-- name: CountByEmail :one
SELECT count(*) FROM form_submissions WHERE tenant_id = @tenant_id AND email_hash = @email_hash AND received_at > @since;

-- name: CountBySender :one
-- A submission names its sender only where it came without a proof of work.
SELECT count(*) FROM form_submissions WHERE tenant_id = @tenant_id AND sender_hash = @sender_hash AND received_at > @since;

-- name: InsertSubmission :one
INSERT INTO form_submissions (tenant_id, id, form_id, form_version, data, data_sealed, language, origin, network, user_agent, email_hash, sender_hash, token_hash, token_expires_at, received_at, updated_at)
VALUES (@tenant_id, @id, @form_id, @form_version, '{}', @data_sealed, @language, @origin, @network, @user_agent, @email_hash, @sender_hash, @token_hash, @token_expires_at, @received_at, @received_at)
RETURNING *;

-- name: GetSubmission :one
SELECT * FROM form_submissions WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockSubmission :one
SELECT * FROM form_submissions WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: ListSubmissions :many
SELECT * FROM form_submissions
WHERE tenant_id = @tenant_id AND form_id = @form_id
  AND (cardinality(@statuses::text[]) = 0 OR status = ANY(@statuses::text[]))
  AND (sqlc.narg('after_at')::timestamptz IS NULL OR (received_at, id) < (sqlc.narg('after_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY received_at DESC, id DESC
LIMIT @page_size;

-- name: SettleSubmission :one
UPDATE form_submissions
SET status = @status, contact_id = @contact_id, reason = @reason, confirmed_at = @confirmed_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: SubmissionsToApply :many
SELECT id FROM form_submissions
WHERE tenant_id = @tenant_id AND status = 'pending' AND token_hash IS NULL
ORDER BY received_at LIMIT 50;

-- name: ExpireSubmissions :many
UPDATE form_submissions
SET status = 'expired', data = '{}', data_sealed = NULL, network = '', user_agent = '', email_hash = NULL, sender_hash = NULL, updated_at = now(), version = version + 1
WHERE form_submissions.tenant_id = @tenant_id AND form_submissions.id IN (
    SELECT d.id FROM form_submissions d
    WHERE d.tenant_id = @tenant_id AND d.status = 'pending' AND d.token_hash IS NOT NULL AND d.received_at < @unconfirmed_before
    LIMIT 200 FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: ListSubmissionsOf :many
-- What erased contacts sent, and what was sent from their addresses and has led
-- to nobody yet.
SELECT * FROM form_submissions
WHERE form_submissions.tenant_id = @tenant_id AND form_submissions.id IN (
    SELECT a.id FROM form_submissions a WHERE a.tenant_id = @tenant_id AND a.contact_id = ANY(@contact_ids::uuid[])
    UNION
    SELECT b.id FROM form_submissions b WHERE b.tenant_id = @tenant_id AND b.email_hash = ANY(@email_hashes::bytea[]) AND b.contact_id IS NULL)
ORDER BY form_submissions.id FOR UPDATE;

-- name: EraseSubmissions :execrows
UPDATE form_submissions
SET status = CASE WHEN status = 'pending' THEN 'rejected' ELSE status END, reason = CASE WHEN status = 'pending' THEN 'contact-erased' ELSE reason END,
    data = '{}', data_sealed = NULL, origin = '', network = '', user_agent = '', email_hash = NULL, sender_hash = NULL,
    token_hash = NULL, token_expires_at = NULL, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);
