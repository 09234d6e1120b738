DROP INDEX oauth_clients_created_by;
DROP INDEX api_keys_created_by;
DROP FUNCTION resolve_user(uuid, uuid);
CREATE FUNCTION resolve_user(wanted_tenant uuid, wanted uuid)
    RETURNS TABLE (tenant_id uuid, status text, scopes text[], department_id uuid, locale text, mode text, tenant_status text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT u.tenant_id, u.status, u.scopes, u.department_id, u.locale, t.mode, t.status
    FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id
    WHERE u.tenant_id = wanted_tenant AND u.id = wanted
    $$;
ALTER FUNCTION resolve_user(uuid, uuid) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_user(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_user(uuid, uuid) TO parvis_app;
ALTER TABLE users DROP COLUMN expires_at;
