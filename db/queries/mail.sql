-- name: TenantMode :one
SELECT mode FROM tenants WHERE tenant_id = @tenant_id;

-- name: InsertMail :exec
INSERT INTO mails (tenant_id, id, recipient, subject, body_sealed, headers, secret, status, message_id, created_at)
VALUES (@tenant_id, @id, @recipient, @subject, @body_sealed, @headers, @secret, @status, @message_id, @created_at);

-- name: ClaimMails :many
-- A claim is a lease: what a dying process had claimed is due again after it.
UPDATE mails SET attempts = attempts + 1, next_attempt_at = now() + make_interval(secs => @lease_seconds::float8)
WHERE mails.tenant_id = @tenant_id AND id IN (
    SELECT d.id FROM mails d
    WHERE d.tenant_id = @tenant_id AND d.status = 'queued' AND d.next_attempt_at <= now()
    ORDER BY d.next_attempt_at LIMIT @batch FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: MailSent :exec
UPDATE mails
SET status = 'sent', sent_at = now(), last_error = NULL,
    body_sealed = CASE WHEN secret THEN NULL ELSE body_sealed END,
    headers = CASE WHEN secret THEN '{}' ELSE headers END, body_text = CASE WHEN secret THEN NULL ELSE body_text END, body_html = CASE WHEN secret THEN NULL ELSE body_html END
WHERE tenant_id = @tenant_id AND id = @id AND status = 'queued';

-- name: MailFailed :exec
UPDATE mails
SET status = @status, last_error = left(@last_error::text, 400), next_attempt_at = now() + make_interval(secs => @delay_seconds::float8)
WHERE tenant_id = @tenant_id AND id = @id AND status = 'queued';

-- name: ForgetBodies :exec
UPDATE mails SET body_sealed = NULL, body_text = NULL, body_html = NULL, headers = '{}'
WHERE tenant_id = @tenant_id AND created_at < @before AND status <> 'queued' AND (body_sealed IS NOT NULL OR body_text IS NOT NULL OR body_html IS NOT NULL);

-- name: ListMails :many
SELECT * FROM mails
WHERE tenant_id = @tenant_id AND status = 'captured'
  AND (sqlc.narg('recipient')::text IS NULL OR recipient = sqlc.narg('recipient')::text)
  AND (sqlc.narg('after_created_at')::timestamptz IS NULL
       OR (created_at, id) < (sqlc.narg('after_created_at')::timestamptz, sqlc.narg('after_id')::uuid))
ORDER BY created_at DESC, id DESC
LIMIT @page_size;

-- name: EraseMails :execrows
-- What was to be sent to these addresses is not, and of what was sent nothing stays but that it was.
UPDATE mails
SET recipient = 'erased@invalid', subject = '-', body_sealed = NULL, body_text = NULL, body_html = NULL, headers = '{}',
    status = CASE WHEN status = 'queued' THEN 'failed' ELSE status END, last_error = NULL
WHERE tenant_id = @tenant_id AND recipient = ANY(@recipients::text[]);
