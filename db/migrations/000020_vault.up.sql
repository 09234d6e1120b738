-- Keys of the institutions, and the columns whose content goes under them.
--
-- The master key, which is not in the database, wraps each institution's keys;
-- an institution's key seals its secrets and the keys of its persons; a
-- person's key seals what is sensitive about them. docs/encryption.md.

-- There is no foreign key to tenants: a key may be made in the transaction
-- that makes the institution, and by an import before its rows arrive.
CREATE TABLE vault_tenant_keys (
    tenant_id  uuid        NOT NULL,
    version    integer     NOT NULL CHECK (version > 0),
    wrapped    bytea       NOT NULL CHECK (length(wrapped) BETWEEN 32 AND 4096),
    -- wrapped_by names the master key, or the key of a key management service.
    wrapped_by text        NOT NULL CHECK (length(wrapped_by) BETWEEN 1 AND 200),
    created_at timestamptz NOT NULL DEFAULT now(),
    -- retired_at: nothing was left under this version at that time; it is deleted soon after.
    retired_at timestamptz,
    PRIMARY KEY (tenant_id, version)
);
SELECT protect('vault_tenant_keys');

-- Keys under the institution's key: one for each person about whom something
-- sensitive is kept, and the one that blind indexes are made with, whose id is
-- the institution's. A destroyed key leaves its row, so that it is not made again.
CREATE TABLE vault_keys (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('person', 'index')),
    sealed       bytea       CHECK (length(sealed) BETWEEN 32 AND 4096),
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CHECK ((sealed IS NULL) = (destroyed_at IS NOT NULL)),
    CHECK (kind = 'person' OR destroyed_at IS NULL)
);
SELECT protect('vault_keys', 'SELECT, INSERT, UPDATE');

CREATE POLICY resolver ON vault_tenant_keys FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON vault_tenant_keys TO parvis_resolver;
-- Which institutions have keys, suspended ones too: a change of the master key
-- concerns all of them. Ids only.
CREATE FUNCTION tenants_with_vault_keys() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM vault_tenant_keys ORDER BY tenant_id $$;
ALTER FUNCTION tenants_with_vault_keys() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION tenants_with_vault_keys() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_vault_keys() TO parvis_app;

-- Expand: content moves here at the next start of the program, in batches, and
-- the columns in the clear are emptied.
ALTER TABLE mails ADD COLUMN body_sealed bytea;
ALTER TABLE form_submissions ADD COLUMN data_sealed bytea;
GRANT UPDATE ON signing_keys TO parvis_app;
