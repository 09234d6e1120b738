-- Long work that survives its worker, and imports that know that they are done.

-- attempt counts how often a worker has taken the operation up. A worker that
-- was given up for dead and wakes again has an old number, and may write nothing.
ALTER TABLE operations ADD COLUMN attempt integer NOT NULL DEFAULT 0 CHECK (attempt >= 0);

-- tenant_imports is written in the transaction that loads an archive. Whoever
-- was interrupted between that commit and its report finds here that the work
-- is done, and from which archive.
CREATE TABLE tenant_imports (
    tenant_id       uuid        NOT NULL REFERENCES tenants (tenant_id),
    manifest_sha256 bytea       NOT NULL CHECK (length(manifest_sha256) = 32),
    -- operation_id is the importing institution's; null for the command.
    operation_id    uuid,
    records         bigint      NOT NULL CHECK (records >= 0),
    tables          integer     NOT NULL CHECK (tables >= 0),
    imported_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, manifest_sha256)
);
SELECT protect('tenant_imports', 'SELECT, INSERT');
