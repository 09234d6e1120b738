-- The one log.
--
-- A writer inserts into events, event_changes and event_queue in its own
-- transaction and waits for nobody. The sequencer moves committed entries of
-- the queue into event_sequence: contiguous numbers, in commit order, chained
-- by digest.
--
-- These tables carry no foreign keys: checking one locks the row it points at,
-- and with the tenant's row or the event's own that is a page every writer of
-- the tenant would have to write (docs/adr/0001-event-sequence.md).
-- Tenants and events are never deleted, the application has no right to; that
-- the parts of the log fit together is what the audit's verification proves.

CREATE TABLE events (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    type            text        NOT NULL CHECK (type ~ '^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){1,3}$' AND length(type) <= 80),
    subject_kind    text        NOT NULL CHECK (subject_kind ~ '^[a-z][a-z0-9_]*$'),
    subject_id      uuid        NOT NULL,
    subject_version bigint      NOT NULL CHECK (subject_version >= 0),
    occurred_at     timestamptz NOT NULL,
    actor_kind      text        NOT NULL,
    actor_id        text        NOT NULL,
    request_id      text        NOT NULL DEFAULT '',
    source          text        NOT NULL DEFAULT '',
    changed         text[]      NOT NULL DEFAULT '{}',
    -- facts: small, never personal (identifiers, states, amounts); part of the digest.
    facts           jsonb       NOT NULL DEFAULT '{}',
    -- changes_digest: SHA-256 of the changes as written, so that removing them
    -- later (erasure) leaves the chain verifiable. Null: no changes recorded.
    changes_digest  bytea,
    PRIMARY KEY (tenant_id, id)
);
-- Without tenant_id, which identifiers need not: on a table that the planner
-- still takes for empty, any index that begins with tenant_id looks as good for
-- finding one event as the primary key, and a plan that was kept from then reads
-- the whole tenant for each (measured in docs/adr/0001-event-sequence.md).
CREATE INDEX events_subject ON events (subject_id);
SELECT protect('events', 'SELECT, INSERT');

-- What changed, with the values: personal, therefore apart and removable.
CREATE TABLE event_changes (
    tenant_id uuid  NOT NULL,
    event_id  uuid  NOT NULL,
    changes   jsonb NOT NULL,
    PRIMARY KEY (tenant_id, event_id)
);
SELECT protect('event_changes', 'SELECT, INSERT, DELETE');

-- Written with the event, emptied by the sequencer. position is taken while
-- the writer holds its locks, so of two dependent transactions the later has
-- the higher one.
CREATE TABLE event_queue (
    tenant_id uuid   NOT NULL,
    position  bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    event_id  uuid   NOT NULL,
    PRIMARY KEY (tenant_id, position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000, autovacuum_vacuum_cost_delay = 0);
SELECT protect('event_queue', 'SELECT, INSERT, DELETE');

CREATE TABLE event_sequence (
    tenant_id uuid   NOT NULL,
    sequence  bigint NOT NULL CHECK (sequence > 0),
    event_id  uuid   NOT NULL,
    digest    bytea  NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (tenant_id, sequence),
    UNIQUE (tenant_id, event_id)
);
SELECT protect('event_sequence', 'SELECT, INSERT');

-- The head of each tenant's chain; its row is the sequencer's lock.
CREATE TABLE event_heads (
    tenant_id uuid   NOT NULL REFERENCES tenants (tenant_id),
    sequence  bigint NOT NULL DEFAULT 0,
    digest    bytea  NOT NULL DEFAULT '\x0000000000000000000000000000000000000000000000000000000000000000' CHECK (length(digest) = 32),
    PRIMARY KEY (tenant_id)
);
SELECT protect('event_heads', 'SELECT, INSERT, UPDATE');

-- Positions of durable readers, ours and the integrators'.
CREATE TABLE event_consumers (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    name       text        NOT NULL CHECK (name ~ '^[a-z][a-z0-9_.-]{0,79}$'),
    sequence   bigint      NOT NULL DEFAULT 0 CHECK (sequence >= 0),
    internal   boolean     NOT NULL DEFAULT false,
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, name)
);
SELECT protect('event_consumers');

-- Which tenants have events waiting for a number. Ids only.
CREATE POLICY resolver ON event_queue FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON event_queue TO parvis_resolver;
CREATE FUNCTION tenants_with_queued_events() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    WITH RECURSIVE t AS (
        (SELECT tenant_id FROM event_queue ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT q.tenant_id FROM event_queue q WHERE q.tenant_id > t.tenant_id ORDER BY q.tenant_id LIMIT 1)
        FROM t WHERE t.tenant_id IS NOT NULL
    )
    SELECT tenant_id FROM t WHERE tenant_id IS NOT NULL
    $$;
ALTER FUNCTION tenants_with_queued_events() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION tenants_with_queued_events() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_queued_events() TO parvis_app;

-- Every active tenant, for work that runs for each of them. Ids only.
CREATE FUNCTION active_tenants() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT tenant_id FROM tenants WHERE status = 'active' ORDER BY tenant_id $$;
ALTER FUNCTION active_tenants() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION active_tenants() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION active_tenants() TO parvis_app;

-- Reads of identifiable data.
CREATE TABLE access_log (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    actor_kind   text        NOT NULL,
    actor_id     text        NOT NULL,
    operation    text        NOT NULL,
    request_id   text        NOT NULL,
    purpose      text        NOT NULL DEFAULT '',
    -- subjects: the contacts whose data was in the answer, at most one page.
    subjects     uuid[]      NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX access_log_time ON access_log (tenant_id, occurred_at, id);
CREATE INDEX access_log_actor ON access_log (tenant_id, actor_id, occurred_at, id);
SELECT protect('access_log', 'SELECT, INSERT');

-- Whose data: by contact. An index on the array would not serve, since under
-- row-level security only leakproof operators reach an index and those of
-- arrays are not.
CREATE TABLE access_log_subjects (
    tenant_id    uuid        NOT NULL,
    subject_id   uuid        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    read_id      uuid        NOT NULL,
    PRIMARY KEY (tenant_id, subject_id, occurred_at, read_id)
);
SELECT protect('access_log_subjects', 'SELECT, INSERT');
