CREATE OR REPLACE FUNCTION resolve_identity_providers(wanted text)
    RETURNS TABLE (tenant_id uuid, id uuid, audience text, tenant_claim text, tenant_value text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT p.tenant_id, p.id, p.audience, p.tenant_claim, p.tenant_value
    FROM identity_providers p JOIN tenants t ON t.tenant_id = p.tenant_id AND t.status = 'active'
    WHERE p.issuer = wanted AND p.is_enabled
    $$;
CREATE OR REPLACE FUNCTION identity_provider_is_ambiguous(own uuid, wanted text, meant_for text, claim text, value text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT 1 FROM identity_providers p
        WHERE p.tenant_id <> own AND p.issuer = wanted AND p.audience = meant_for
          AND NOT coalesce(p.tenant_claim = claim AND p.tenant_value <> value, false))
    $$;
DROP TABLE identity_links;
ALTER TABLE account_policies DROP COLUMN return_addresses;
ALTER TABLE identity_providers DROP COLUMN protocol, DROP COLUMN accepts_bearer_tokens, DROP COLUMN strong_acr, DROP COLUMN strong_amr;
