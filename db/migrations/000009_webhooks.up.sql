-- Webhooks: where events are delivered to, with what keys, and what became of
-- each delivery.

-- How far a tenant's log has been turned into deliveries. Its row is the lock of
-- the fan-out, and of everything that changes who receives.
CREATE TABLE webhook_cursors (
    tenant_id uuid   NOT NULL REFERENCES tenants (tenant_id),
    sequence  bigint NOT NULL CHECK (sequence >= 0),
    PRIMARY KEY (tenant_id)
);
SELECT protect('webhook_cursors', 'SELECT, INSERT, UPDATE');

CREATE TABLE webhook_endpoints (
    tenant_id       uuid        NOT NULL REFERENCES tenants (tenant_id),
    id              uuid        NOT NULL,
    url             text        NOT NULL CHECK (length(url) BETWEEN 8 AND 2048),
    event_types     text[]      NOT NULL CHECK (cardinality(event_types) BETWEEN 1 AND 100),
    -- scopes: what whoever chose the event types may read; nothing else is sent.
    scopes          text[]      NOT NULL,
    payload         text        NOT NULL CHECK (payload IN ('thin', 'full')),
    format          text        NOT NULL CHECK (format IN ('standard', 'cloudevents')),
    description     text        NOT NULL DEFAULT '' CHECK (length(description) <= 500),
    status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'active', 'disabled')),
    disabled_reason text        CHECK (disabled_reason IN ('requested', 'gone', 'receiver', 'failing', 'unverified')),
    disabled_at     timestamptz,
    -- from_sequence: events up to here are not for this endpoint.
    from_sequence   bigint      NOT NULL CHECK (from_sequence >= 0),
    -- verification_id: the one delivery whose success makes the endpoint active.
    verification_id uuid        NOT NULL,
    version         bigint      NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK ((status = 'disabled') = (disabled_reason IS NOT NULL)),
    CHECK ((status = 'disabled') = (disabled_at IS NOT NULL))
);
SELECT protect('webhook_endpoints');

-- Keys that sign: one without an end, and those that still sign beside it after
-- a rotation. Secret parts are sealed with the master key.
CREATE TABLE webhook_keys (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    endpoint_id uuid        NOT NULL,
    secret      bytea       NOT NULL,
    private_key bytea       NOT NULL,
    public_key  text        NOT NULL CHECK (public_key LIKE 'whpk\_%'),
    created_at  timestamptz NOT NULL DEFAULT now(),
    expires_at  timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX webhook_keys_current ON webhook_keys (tenant_id, endpoint_id) WHERE expires_at IS NULL;
CREATE INDEX webhook_keys_endpoint ON webhook_keys (endpoint_id);
SELECT protect('webhook_keys');

-- The queue of each endpoint, apart from the endpoint because it changes all the
-- time. Whoever holds the lease delivers for the endpoint, alone.
CREATE TABLE webhook_queues (
    tenant_id       uuid        NOT NULL,
    endpoint_id     uuid        NOT NULL,
    -- due_at: when there is something to deliver; null: nothing in sight.
    due_at          timestamptz,
    leased_by       uuid,
    leased_until    timestamptz,
    -- pushes counts what was put in, so that a worker never leaves a queue that
    -- was filled while it was looking.
    pushes          bigint      NOT NULL DEFAULT 0,
    last_success_at timestamptz,
    -- failing_since: the first failure after the last success.
    failing_since   timestamptz,
    failing_told_at timestamptz,
    PRIMARY KEY (tenant_id, endpoint_id),
    FOREIGN KEY (tenant_id, endpoint_id) REFERENCES webhook_endpoints (tenant_id, id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX webhook_queues_due ON webhook_queues (due_at) WHERE due_at IS NOT NULL;
SELECT protect('webhook_queues');

-- One row per endpoint and event, identified by what the receiver sees as
-- webhook-id. There is no foreign key to the endpoint: a check per row would cost
-- more than the row, and what a deleted endpoint leaves is swept by the purge.
CREATE TABLE webhook_deliveries (
    tenant_id       uuid        NOT NULL REFERENCES tenants (tenant_id),
    endpoint_id     uuid        NOT NULL,
    event_id        uuid        NOT NULL,
    -- sequence: place in the log; 0 for what is in no log (verification, test).
    sequence        bigint      NOT NULL CHECK (sequence >= 0),
    event_type      text        NOT NULL,
    kind            text        NOT NULL DEFAULT 'event' CHECK (kind IN ('event', 'verification', 'test')),
    status          text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'succeeded', 'failed')),
    due_at          timestamptz,
    -- step: attempts since the schedule began; attempts: since ever.
    step            integer     NOT NULL DEFAULT 0,
    attempts        integer     NOT NULL DEFAULT 0,
    attempt_log     jsonb,
    response_status integer,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    version         bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, endpoint_id, event_id),
    CHECK ((status = 'pending') = (due_at IS NOT NULL))
) WITH (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX webhook_deliveries_due ON webhook_deliveries (tenant_id, endpoint_id, due_at) WHERE status = 'pending';
SELECT protect('webhook_deliveries');

CREATE POLICY resolver ON event_heads FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON webhook_cursors FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON webhook_endpoints FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON webhook_keys FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON webhook_queues FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON event_heads, webhook_cursors, webhook_endpoints, webhook_keys, webhook_queues TO parvis_resolver;

-- Tenants whose log has grown past their fan-out. Ids only.
CREATE FUNCTION tenants_with_webhook_work() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id FROM webhook_cursors c JOIN event_heads h ON h.tenant_id = c.tenant_id
    WHERE h.sequence > c.sequence
      AND EXISTS (SELECT 1 FROM webhook_endpoints e WHERE e.tenant_id = c.tenant_id AND e.status <> 'disabled')
    $$;

-- Queues with something due that nobody works on, longest due first. Ids only.
CREATE FUNCTION webhook_queues_due(most integer) RETURNS TABLE (tenant_id uuid, endpoint_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT q.tenant_id, q.endpoint_id FROM webhook_queues q
    WHERE q.due_at <= now() AND (q.leased_until IS NULL OR q.leased_until < now())
    ORDER BY q.due_at LIMIT most
    $$;

-- Public keys of one endpoint, for a receiver that has no credential.
CREATE FUNCTION webhook_public_keys(wanted uuid)
    RETURNS TABLE (id uuid, public_key text, created_at timestamptz, expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT k.id, k.public_key, k.created_at, k.expires_at FROM webhook_keys k
    WHERE k.endpoint_id = wanted AND (k.expires_at IS NULL OR k.expires_at > now())
    ORDER BY k.created_at DESC
    $$;
ALTER FUNCTION tenants_with_webhook_work() OWNER TO parvis_resolver;
ALTER FUNCTION webhook_queues_due(integer) OWNER TO parvis_resolver;
ALTER FUNCTION webhook_public_keys(uuid) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION tenants_with_webhook_work(), webhook_queues_due(integer), webhook_public_keys(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_webhook_work(), webhook_queues_due(integer), webhook_public_keys(uuid) TO parvis_app;
