-- What became of each record of a file that was taken in. A row is written in
-- the transaction of the effect it tells of.

CREATE TABLE ticketing_import_results (
    tenant_id uuid NOT NULL,
    operation_id uuid NOT NULL,
    record bigint NOT NULL CHECK (record > 0),
    line bigint NOT NULL CHECK (line > 0),
    kind text NOT NULL,
    external_id text NOT NULL,
    status text NOT NULL CHECK (status IN ('created', 'updated', 'applied', 'unchanged', 'ignored_stale', 'failed')),
    subject_id uuid,
    code text,
    errors jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, operation_id, record),
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operations (tenant_id, id) ON DELETE CASCADE
);

SELECT protect('ticketing_import_results');
