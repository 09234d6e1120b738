-- Trials of vendors' connectors and what came of them. A run has the id of the
-- operation that plays it; the report stays when the operation is forgotten.

CREATE TABLE conformance_runs (
    tenant_id uuid NOT NULL REFERENCES tenants (tenant_id),
    id uuid NOT NULL,
    hook_url text NOT NULL CHECK (length(hook_url) BETWEEN 1 AND 2048),
    connector_name text NOT NULL CHECK (length(connector_name) BETWEEN 1 AND 120),
    connector_version text NOT NULL CHECK (length(connector_version) BETWEEN 1 AND 60),
    scenarios text[] NOT NULL DEFAULT '{}',
    patience_seconds integer NOT NULL CHECK (patience_seconds BETWEEN 2 AND 300),
    parallel integer NOT NULL CHECK (parallel BETWEEN 1 AND 30),
    verdict text CHECK (verdict IN ('passed', 'failed')),
    report jsonb,
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    version bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    CHECK ((verdict IS NULL) = (report IS NULL) AND (verdict IS NULL) = (finished_at IS NULL))
);

SELECT protect('conformance_runs');
