-- The walls come before anything that could need them.
--
-- Roles are global to a PostgreSQL server, so several Parvis databases on one
-- server share them; each is created only where it is missing. None owns
-- anything, none may log in until the operator says so.
--
--   parvis_app          the application, crm regime: reads and writes its tenant
--   parvis_teleservice  the application, teleservice regime (sealed families)
--   parvis_resolver     owns the few functions that answer before a tenant is known
DO $$
DECLARE
    r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['parvis_app', 'parvis_teleservice', 'parvis_resolver'] LOOP
        BEGIN
            IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = r) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE', r);
            END IF;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL; -- another database of this server created it in the same instant
        END;
    END LOOP;
END
$$;

CREATE SCHEMA IF NOT EXISTS crm;
CREATE SCHEMA IF NOT EXISTS teleservice;
CREATE SCHEMA IF NOT EXISTS river;

-- The migrating role hands functions to the resolver, so it must be a member;
-- a superuser is one of everything.
DO $$
BEGIN
    IF NOT pg_has_role(current_user, 'parvis_resolver', 'MEMBER') THEN
        EXECUTE format('GRANT parvis_resolver TO %I', current_user);
    END IF;
END
$$;
GRANT CREATE ON SCHEMA crm TO parvis_resolver;

REVOKE ALL ON SCHEMA crm, teleservice, river FROM PUBLIC;
GRANT USAGE ON SCHEMA crm TO parvis_app, parvis_teleservice, parvis_resolver;
GRANT USAGE ON SCHEMA teleservice TO parvis_teleservice;
GRANT USAGE ON SCHEMA river TO parvis_app;

-- current_tenant is the tenant of the running statement's scope, null outside
-- any scope: a policy that compares with null lets nothing through.
CREATE FUNCTION current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.tenant', true), '')::uuid $$;

-- protect puts a table of the crm schema behind the tenant wall and grants the
-- application what is named, and nothing else. Append-only tables are granted
-- 'SELECT, INSERT'.
CREATE FUNCTION protect(table_name text, privileges text DEFAULT 'SELECT, INSERT, UPDATE, DELETE') RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    EXECUTE format('ALTER TABLE crm.%I ENABLE ROW LEVEL SECURITY', table_name);
    EXECUTE format('ALTER TABLE crm.%I FORCE ROW LEVEL SECURITY', table_name);
    EXECUTE format('CREATE POLICY tenant ON crm.%I TO parvis_app USING (tenant_id = crm.current_tenant()) WITH CHECK (tenant_id = crm.current_tenant())', table_name);
    EXECUTE format('GRANT %s ON crm.%I TO parvis_app', privileges, table_name);
END
$$;
REVOKE ALL ON FUNCTION protect(text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION current_tenant() TO parvis_app, parvis_teleservice, parvis_resolver;

-- Institutions. A sandbox is a tenant of its own whose mode is 'test'.
CREATE TABLE tenants (
    tenant_id   uuid        NOT NULL,
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    mode        text        NOT NULL DEFAULT 'live' CHECK (mode IN ('live', 'test')),
    sandbox_of  uuid,
    locale      text        NOT NULL DEFAULT 'fr' CHECK (length(locale) BETWEEN 2 AND 35),
    time_zone   text        NOT NULL DEFAULT 'Europe/Paris' CHECK (length(time_zone) BETWEEN 1 AND 64),
    currency    text        NOT NULL DEFAULT 'EUR' CHECK (currency ~ '^[A-Z]{3}$'),
    status      text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'suspended')),
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id),
    CHECK ((mode = 'test') OR sandbox_of IS NULL)
);
SELECT protect('tenants', 'SELECT, INSERT, UPDATE');

-- The resolver sees across tenants, and only through functions that name
-- exactly what they give away.
CREATE POLICY resolver ON tenants FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON tenants TO parvis_resolver;
