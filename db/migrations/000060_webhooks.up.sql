-- On whose behalf events are sent: nothing goes to an endpoint that its maker
-- could not read.

ALTER TABLE webhook_endpoints
    ADD COLUMN made_by_kind text NOT NULL DEFAULT 'system' CHECK (made_by_kind IN ('api_key', 'oauth_client', 'user', 'system')),
    ADD COLUMN made_by text NOT NULL DEFAULT 'administrator',
    DROP CONSTRAINT webhook_endpoints_disabled_reason_check,
    ADD CONSTRAINT webhook_endpoints_disabled_reason_check
        CHECK (disabled_reason IN ('requested', 'gone', 'receiver', 'failing', 'unverified', 'orphaned'));

-- Whoever decided last what is sent where; the administrator where the log does
-- not say.
ALTER TABLE webhook_endpoints NO FORCE ROW LEVEL SECURITY;
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
UPDATE webhook_endpoints e SET made_by_kind = m.actor_kind, made_by = m.actor_id
FROM (SELECT DISTINCT ON (v.tenant_id, v.subject_id) v.tenant_id, v.subject_id, v.actor_kind, v.actor_id
      FROM events v JOIN webhook_endpoints w ON w.tenant_id = v.tenant_id AND w.id = v.subject_id
      WHERE v.type = 'webhook_endpoint.created'
         OR (v.type = 'webhook_endpoint.updated' AND EXISTS (SELECT 1 FROM unnest(v.changed) AS c(pointer) WHERE c.pointer ~ '^/(url|event_types|payload)'))
      ORDER BY v.tenant_id, v.subject_id, v.id DESC) m
WHERE e.tenant_id = m.tenant_id AND e.id = m.subject_id AND m.actor_kind IN ('api_key', 'oauth_client', 'user');
ALTER TABLE events FORCE ROW LEVEL SECURITY;
ALTER TABLE webhook_endpoints FORCE ROW LEVEL SECURITY;
