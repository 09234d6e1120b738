-- What became of each record of a file that was taken in. A row is written in
-- the transaction of the effect it tells of, and forgotten some time after the
-- work has ended.
CREATE TABLE ticketing_import_results (
    tenant_id    uuid        NOT NULL,
    operation_id uuid        NOT NULL,
    record       bigint      NOT NULL CHECK (record > 0),
    line         bigint      NOT NULL CHECK (line > 0),
    kind         text        NOT NULL CHECK (length(kind) <= 200),
    external_id  text        COLLATE "C" NOT NULL CHECK (length(external_id) <= 200),
    status       text        NOT NULL CHECK (status IN ('created', 'updated', 'applied', 'unchanged', 'ignored_stale', 'ignored_anonymized', 'failed')),
    subject_id   uuid,
    code         text        CHECK (length(code) <= 80),
    -- violations, warnings: what they say, never the value that is there.
    violations   jsonb       NOT NULL DEFAULT '[]',
    warnings     jsonb       NOT NULL DEFAULT '[]',
    PRIMARY KEY (tenant_id, operation_id, record),
    FOREIGN KEY (tenant_id, operation_id) REFERENCES operations (tenant_id, id) ON DELETE CASCADE
);
-- What failed is looked for among a million of others.
CREATE INDEX ticketing_import_results_failed ON ticketing_import_results (tenant_id, operation_id, record) WHERE status = 'failed';
-- The name of somebody who is forgotten is blotted out here too.
CREATE INDEX ticketing_import_results_accounts ON ticketing_import_results (tenant_id, subject_id) WHERE kind = 'customer';
SELECT protect('ticketing_import_results');
