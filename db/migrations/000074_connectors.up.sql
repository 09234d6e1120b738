-- Connectors: how the ticketing system of a source is reached, how far what it
-- has was read, and what it told us unasked.

CREATE TABLE connector_connections (
    tenant_id    uuid        NOT NULL,
    source_id    uuid        NOT NULL,
    connector    text        NOT NULL CHECK (connector ~ '^[a-z][a-z0-9_]{0,39}$'),
    base_url     text        NOT NULL CHECK (length(base_url) BETWEEN 8 AND 2048),
    settings     jsonb       NOT NULL DEFAULT '{}',
    -- secrets: the credentials at the vendor and the key of the hook address, sealed.
    secrets      bytea,
    secret_names text[]      NOT NULL DEFAULT '{}',
    is_enabled   boolean     NOT NULL DEFAULT true,
    -- hook_hash: what the address is found by at which the vendor calls.
    hook_hash    bytea       CHECK (length(hook_hash) = 32),
    -- hook_vendor_id: what the vendor calls its registration of that address.
    hook_vendor_id text      CHECK (length(hook_vendor_id) <= 200),
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX connector_connections_hook ON connector_connections (hook_hash) WHERE hook_hash IS NOT NULL;
SELECT protect('connector_connections');

-- The turn of each source, apart from its connection because it changes all the
-- time. Whoever holds the lease reads from the vendor, alone.
CREATE TABLE connector_states (
    tenant_id       uuid        NOT NULL,
    source_id       uuid        NOT NULL,
    -- due_at: when there is something to do; null: nothing, or not until somebody mends the connection.
    due_at          timestamptz,
    -- held_until: the vendor, or our own back-off, wants no call before.
    held_until      timestamptz,
    leased_by       uuid,
    leased_until    timestamptz,
    -- wakes counts calls for attention, so that a turn never ends over one that came meanwhile.
    wakes           bigint      NOT NULL DEFAULT 0,
    failures        integer     NOT NULL DEFAULT 0,
    last_success_at timestamptz,
    last_error      text        CHECK (length(last_error) <= 80),
    last_error_text text        CHECK (length(last_error_text) <= 500),
    last_error_at   timestamptz,
    -- stopped: the vendor refuses our credentials.
    stopped         boolean     NOT NULL DEFAULT false,
    failing_since   timestamptz,
    lagging_since   timestamptz,
    PRIMARY KEY (tenant_id, source_id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES connector_connections (tenant_id, source_id) ON DELETE CASCADE
) WITH (fillfactor = 50);
CREATE INDEX connector_states_due ON connector_states (due_at) WHERE due_at IS NOT NULL;
SELECT protect('connector_states');

-- How far each kind of thing was read. The mark moves only when everything
-- before it has been applied.
CREATE TABLE connector_streams (
    tenant_id uuid        NOT NULL,
    source_id uuid        NOT NULL,
    stream    text        NOT NULL CHECK (stream ~ '^[a-z][a-z_]{0,39}$'),
    mark_at   timestamptz,
    token     text        NOT NULL DEFAULT '' CHECK (length(token) <= 1000000),
    -- resume: how far an interrupted reading came.
    resume    text        NOT NULL DEFAULT '' CHECK (length(resume) <= 2000),
    due_at    timestamptz NOT NULL DEFAULT now(),
    read_at   timestamptz,
    records   bigint      NOT NULL DEFAULT 0,
    PRIMARY KEY (tenant_id, source_id, stream),
    FOREIGN KEY (tenant_id, source_id) REFERENCES connector_connections (tenant_id, source_id) ON DELETE CASCADE
);
SELECT protect('connector_streams');

-- Single records to be read: what a hook named and a list did not show yet, what
-- is only referred to, what failed and is tried again.
CREATE TABLE connector_fetches (
    tenant_id   uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    external_id text        COLLATE "C" NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    reason      text        NOT NULL CHECK (reason IN ('hook', 'deleted', 'stub', 'retry')),
    attempts    integer     NOT NULL DEFAULT 0,
    due_at      timestamptz NOT NULL DEFAULT now(),
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id, kind, external_id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES connector_connections (tenant_id, source_id) ON DELETE CASCADE
);
SELECT protect('connector_fetches');

-- What vendors sent unasked, as it came. Removed after 30 days.
CREATE TABLE connector_messages (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    source_id    uuid        NOT NULL,
    connector    text        NOT NULL,
    content_type text        NOT NULL CHECK (length(content_type) <= 200),
    body         bytea       NOT NULL,
    size         integer     NOT NULL,
    status       text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'processed', 'ignored')),
    note         text        CHECK (length(note) <= 200),
    received_at  timestamptz NOT NULL DEFAULT now(),
    processed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX connector_messages_source ON connector_messages (tenant_id, source_id, received_at DESC, id DESC);
CREATE INDEX connector_messages_pending ON connector_messages (tenant_id, source_id, id) WHERE status = 'pending';
SELECT protect('connector_messages');

-- By what name each of them was delivered, so that one sent twice counts once.
-- Removed after 7 days.
CREATE TABLE connector_deliveries (
    tenant_id   uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    delivery    text        COLLATE "C" NOT NULL CHECK (length(delivery) BETWEEN 1 AND 200),
    received_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id, delivery),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id) ON DELETE CASCADE
);
SELECT protect('connector_deliveries');

-- What came from a vendor and could not be taken in.
CREATE TABLE connector_dead_letters (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind ~ '^[a-z][a-z_]{0,39}$'),
    external_id text        COLLATE "C" NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    code        text        NOT NULL CHECK (length(code) <= 80),
    problem     jsonb       NOT NULL DEFAULT '{}',
    -- record: what was to be taken in, sealed; null where nothing came.
    record      bytea,
    attempts    integer     NOT NULL DEFAULT 1,
    status      text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'retrying', 'resolved', 'dismissed')),
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX connector_dead_letters_open ON connector_dead_letters (tenant_id, source_id, kind, external_id) WHERE status IN ('open', 'retrying');
CREATE INDEX connector_dead_letters_source ON connector_dead_letters (tenant_id, source_id, created_at DESC, id DESC);
SELECT protect('connector_dead_letters');

CREATE POLICY resolver ON connector_connections FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON connector_states FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON connector_connections, connector_states TO parvis_resolver;

-- Whose hook address that is. Ids only.
CREATE FUNCTION resolve_connector_hook(wanted bytea) RETURNS TABLE (tenant_id uuid, source_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id, c.source_id
    FROM connector_connections c JOIN tenants t ON t.tenant_id = c.tenant_id AND t.status = 'active'
    WHERE c.hook_hash = wanted
    $$;
-- Sources with something due that nobody works on, longest due first. Ids only.
CREATE FUNCTION connectors_due(most integer) RETURNS TABLE (tenant_id uuid, source_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT s.tenant_id, s.source_id
    FROM connector_states s JOIN tenants t ON t.tenant_id = s.tenant_id AND t.status = 'active'
    WHERE s.due_at <= now() AND (s.held_until IS NULL OR s.held_until <= now()) AND (s.leased_until IS NULL OR s.leased_until < now())
    ORDER BY s.due_at LIMIT most
    $$;
-- Which institutions have connections. Ids only.
CREATE FUNCTION tenants_with_connectors() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT DISTINCT c.tenant_id FROM connector_connections c JOIN tenants t ON t.tenant_id = c.tenant_id AND t.status = 'active'
    $$;
ALTER FUNCTION resolve_connector_hook(bytea) OWNER TO parvis_resolver;
ALTER FUNCTION connectors_due(integer) OWNER TO parvis_resolver;
ALTER FUNCTION tenants_with_connectors() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_connector_hook(bytea), connectors_due(integer), tenants_with_connectors() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_connector_hook(bytea), connectors_due(integer), tenants_with_connectors() TO parvis_app;
