-- What is sealed cannot be opened by the database: going back would lose it.
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM vault_tenant_keys) THEN
        RAISE EXCEPTION 'content is sealed under the keys of vault_tenant_keys: without them it would be lost';
    END IF;
END
$$;
REVOKE UPDATE ON signing_keys FROM parvis_app;
ALTER TABLE form_submissions DROP COLUMN data_sealed;
ALTER TABLE mails DROP COLUMN body_sealed;
DROP FUNCTION tenants_with_vault_keys();
DROP TABLE vault_keys, vault_tenant_keys;
