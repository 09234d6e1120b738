-- Answers kept for repeated requests, and long work.

CREATE TABLE idempotency_keys (
    tenant_id    uuid        NOT NULL REFERENCES tenants (tenant_id),
    -- key_hash: SHA-256 over credential, operation and the client's key.
    key_hash     bytea       NOT NULL CHECK (length(key_hash) = 32),
    -- fingerprint: SHA-256 over method, path, sorted query and raw body.
    fingerprint  bytea       NOT NULL CHECK (length(fingerprint) = 32),
    status       integer     NOT NULL CHECK (status BETWEEN 200 AND 599),
    headers      jsonb       NOT NULL DEFAULT '{}',
    body         bytea       NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, key_hash)
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (tenant_id, created_at);
SELECT protect('idempotency_keys');

CREATE TABLE operations (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_.]{0,79}$'),
    status        text        NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    parameters    jsonb       NOT NULL DEFAULT '{}',
    progress_done  bigint     NOT NULL DEFAULT 0 CHECK (progress_done >= 0),
    progress_total bigint     CHECK (progress_total >= 0),
    progress_unit text        NOT NULL DEFAULT 'items',
    cancel_requested boolean  NOT NULL DEFAULT false,
    result        jsonb,
    problem       jsonb,
    created_by_kind text      NOT NULL,
    created_by    text        NOT NULL,
    request_id    text        NOT NULL DEFAULT '',
    created_at    timestamptz NOT NULL DEFAULT now(),
    started_at    timestamptz,
    finished_at   timestamptz,
    expires_at    timestamptz NOT NULL DEFAULT now() + interval '30 days',
    updated_at    timestamptz NOT NULL DEFAULT now(),
    version       bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CHECK ((status IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK (problem IS NULL OR status = 'failed')
);
CREATE INDEX operations_created ON operations (tenant_id, created_at, id);
SELECT protect('operations');
