-- Who may call: departments and users of an institution, API keys and OAuth
-- clients as principals of their own.

CREATE TABLE departments (
    tenant_id   uuid        NOT NULL REFERENCES tenants (tenant_id),
    id          uuid        NOT NULL,
    code        text        NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9-]{0,39}$'),
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    parent_id   uuid,
    archived_at timestamptz,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES departments (tenant_id, id),
    CHECK (parent_id IS DISTINCT FROM id)
);
SELECT protect('departments');

CREATE TABLE users (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    email         text        NOT NULL CHECK (length(email) BETWEEN 3 AND 254 AND email = lower(email)),
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    locale        text        NOT NULL DEFAULT 'fr',
    department_id uuid,
    status        text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'deactivated')),
    -- issuer and subject: the identity that the institution's provider vouches for.
    issuer        text,
    subject       text,
    scopes        text[]      NOT NULL DEFAULT '{}',
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, email),
    UNIQUE (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, department_id) REFERENCES departments (tenant_id, id),
    CHECK ((issuer IS NULL) = (subject IS NULL))
);
SELECT protect('users');

CREATE TABLE api_keys (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    key_id        text        NOT NULL CHECK (key_id ~ '^[0-9A-Za-z]{12}$'),
    secret_hash   bytea       NOT NULL CHECK (length(secret_hash) = 32),
    kind          text        NOT NULL CHECK (kind IN ('sk', 'pk', 'rk')),
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    scopes        text[]      NOT NULL DEFAULT '{}',
    -- source: the ticketing source a restricted key is bound to.
    source        text        CHECK (length(source) BETWEEN 1 AND 80),
    allowed_cidrs cidr[]      NOT NULL DEFAULT '{}',
    expires_at    timestamptz,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    rotated_from  uuid,
    created_by_kind text      NOT NULL,
    created_by    text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, key_id),
    FOREIGN KEY (tenant_id, rotated_from) REFERENCES api_keys (tenant_id, id),
    CHECK (kind <> 'rk' OR source IS NOT NULL)
);
CREATE INDEX api_keys_key_id ON api_keys (key_id);
SELECT protect('api_keys');

CREATE TABLE oauth_clients (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    secret_hash   bytea       CHECK (length(secret_hash) = 32),
    -- The secret before the present one, while both work.
    former_secret_hash       bytea CHECK (length(former_secret_hash) = 32),
    former_secret_expires_at timestamptz,
    -- jwks: public keys of a client that proves itself with private_key_jwt.
    jwks          jsonb,
    scopes        text[]      NOT NULL DEFAULT '{}',
    source        text        CHECK (length(source) BETWEEN 1 AND 80),
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    created_by_kind text      NOT NULL,
    created_by    text        NOT NULL,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK (secret_hash IS NOT NULL OR jwks IS NOT NULL),
    CHECK ((former_secret_hash IS NULL) = (former_secret_expires_at IS NULL))
);
CREATE INDEX oauth_clients_id ON oauth_clients (id);
SELECT protect('oauth_clients');

-- Tokens revoked before their time, until it comes.
CREATE TABLE revoked_tokens (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    jti        uuid        NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, jti)
);
CREATE INDEX revoked_tokens_age ON revoked_tokens (tenant_id, expires_at);
SELECT protect('revoked_tokens', 'SELECT, INSERT, DELETE');

-- Assertions by which clients have proved themselves, so that none serves
-- twice (RFC 7523 §3). jti_hash: SHA-256 of the client's jti.
CREATE TABLE used_assertions (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    client_id  uuid        NOT NULL,
    jti_hash   bytea       NOT NULL CHECK (length(jti_hash) = 32),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, client_id, jti_hash),
    FOREIGN KEY (tenant_id, client_id) REFERENCES oauth_clients (tenant_id, id)
);
CREATE INDEX used_assertions_age ON used_assertions (tenant_id, expires_at);
SELECT protect('used_assertions', 'SELECT, INSERT, DELETE');

-- The installation's token signing keys. They belong to no tenant, and the
-- private part is sealed with the master key, which is not in the database. A
-- key signs from not_before to not_after.
CREATE TABLE signing_keys (
    kid        text        NOT NULL PRIMARY KEY CHECK (length(kid) BETWEEN 8 AND 64),
    algorithm  text        NOT NULL CHECK (algorithm IN ('ES256', 'RS256')),
    private_key bytea      NOT NULL,
    not_before timestamptz NOT NULL,
    not_after  timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
GRANT SELECT, INSERT, DELETE ON signing_keys TO parvis_app;

CREATE POLICY resolver ON api_keys FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON oauth_clients FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON revoked_tokens FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON api_keys, oauth_clients, revoked_tokens TO parvis_resolver;

-- The row of one key id, whatever its tenant: what authentication starts from.
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

-- Whether an access token still stands: its client, and its own revocation.
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
