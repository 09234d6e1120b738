DROP FUNCTION resolve_user(uuid, uuid);
DROP POLICY resolver ON users;
REVOKE SELECT ON users FROM parvis_resolver;
DROP FUNCTION resolve_api_key(text);
DROP FUNCTION resolve_oauth_client(uuid);
DROP FUNCTION resolve_access_token(uuid, uuid);
ALTER TABLE api_keys DROP COLUMN department_ids, DROP COLUMN verbs, DROP COLUMN purposes, DROP COLUMN readable_classes, DROP COLUMN writable_classes;
ALTER TABLE oauth_clients DROP COLUMN allowed_cidrs, DROP COLUMN expires_at, DROP COLUMN department_ids, DROP COLUMN verbs, DROP COLUMN purposes,
    DROP COLUMN readable_classes, DROP COLUMN writable_classes;
DROP TABLE role_assignments;
DROP TABLE team_members;
DROP TABLE teams;
DROP TABLE roles;

CREATE FUNCTION resolve_api_key(wanted text)
    RETURNS TABLE (tenant_id uuid, id uuid, secret_hash bytea, kind text, scopes text[], source text, allowed_cidrs cidr[],
                   expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz, mode text, tenant_status text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT k.tenant_id, k.id, k.secret_hash, k.kind, k.scopes, k.source, k.allowed_cidrs,
           k.expires_at, k.revoked_at, k.last_used_at, t.mode, t.status
    FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id
    WHERE k.key_id = wanted
    $$;
CREATE FUNCTION resolve_oauth_client(wanted uuid)
    RETURNS TABLE (tenant_id uuid, id uuid, secret_hash bytea, former_secret_hash bytea, former_secret_expires_at timestamptz,
                   jwks jsonb, scopes text[], source text, revoked_at timestamptz, mode text, tenant_status text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id, c.id, c.secret_hash, c.former_secret_hash, c.former_secret_expires_at,
           c.jwks, c.scopes, c.source, c.revoked_at, t.mode, t.status
    FROM oauth_clients c JOIN tenants t ON t.tenant_id = c.tenant_id
    WHERE c.id = wanted
    $$;
CREATE FUNCTION resolve_access_token(wanted_client uuid, wanted_jti uuid)
    RETURNS TABLE (tenant_id uuid, scopes text[], source text, client_revoked_at timestamptz, mode text, tenant_status text, revoked boolean)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id, c.scopes, c.source, c.revoked_at, t.mode, t.status,
           EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.tenant_id = c.tenant_id AND r.jti = wanted_jti)
    FROM oauth_clients c JOIN tenants t ON t.tenant_id = c.tenant_id
    WHERE c.id = wanted_client
    $$;
ALTER FUNCTION resolve_api_key(text) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_oauth_client(uuid) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_access_token(uuid, uuid) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_api_key(text), resolve_oauth_client(uuid), resolve_access_token(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_api_key(text), resolve_oauth_client(uuid), resolve_access_token(uuid, uuid) TO parvis_app;
