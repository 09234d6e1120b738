-- Signing in with an identity provider: how this program is known there as a
-- client, and the sign-ins that are under way.

CREATE TABLE sign_in_clients (
    tenant_id       uuid        NOT NULL,
    provider_id     uuid        NOT NULL,
    is_enabled      boolean     NOT NULL DEFAULT true,
    client_id       text        COLLATE "C" NOT NULL CHECK (length(client_id) BETWEEN 1 AND 400),
    authentication  text        NOT NULL CHECK (authentication IN ('client_secret_basic', 'client_secret_post', 'private_key_jwt')),
    -- Sealed with the institution's key. The private key is made here and never
    -- leaves; key_id and public_key are what the provider is told.
    client_secret   bytea,
    private_key     bytea,
    key_id          text        CHECK (length(key_id) BETWEEN 1 AND 100),
    public_key      jsonb,
    scopes          text[]      NOT NULL CHECK (cardinality(scopes) BETWEEN 1 AND 40),
    id_token_alg    text        NOT NULL CHECK (id_token_alg IN ('RS256', 'ES256')),
    userinfo        text        NOT NULL CHECK (userinfo IN ('none', 'json', 'jwt')),
    userinfo_alg    text        NOT NULL CHECK (userinfo_alg IN ('RS256', 'ES256')),
    -- Further parameters of the authorisation request.
    parameters      jsonb       NOT NULL DEFAULT '{}',
    uses_pkce       boolean     NOT NULL DEFAULT true,
    -- How an acr is asked for; which ones, and which are enough.
    acr_request     text        NOT NULL CHECK (acr_request IN ('none', 'acr_values', 'claims')),
    requested_acr   text[]      NOT NULL DEFAULT '{}',
    requests_amr    boolean     NOT NULL DEFAULT false,
    required_acr    text[]      NOT NULL DEFAULT '{}',
    required_amr    text[]      NOT NULL DEFAULT '{}',
    session_seconds integer     NOT NULL CHECK (session_seconds BETWEEN 900 AND 86400),
    version         bigint      NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, provider_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id),
    CHECK ((private_key IS NULL) = (public_key IS NULL) AND (private_key IS NULL) = (key_id IS NULL))
);
SELECT protect('sign_in_clients');

-- A sign-in is started, answered by the provider once, and exchanged for a
-- session once. Of its secrets there are hashes only.
CREATE TABLE sign_ins (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    provider_id     uuid        NOT NULL,
    state_hash      bytea       NOT NULL CHECK (length(state_hash) = 32),
    nonce_hash      bytea       CHECK (length(nonce_hash) = 32),
    -- binding_hash: SHA-256 of what only the front end that started it knows.
    binding_hash    bytea       NOT NULL CHECK (length(binding_hash) = 32),
    level           text        NOT NULL CHECK (level IN ('usual', 'strong')),
    return_to       text        NOT NULL CHECK (length(return_to) BETWEEN 1 AND 2000),
    front_state     text        CHECK (length(front_state) <= 500),
    created_at      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    answered_at     timestamptz,
    -- What the answer proved; the code that the browser takes to the front end.
    code_hash       bytea       CHECK (length(code_hash) = 32),
    code_expires_at timestamptz,
    user_id         uuid,
    methods         text[],
    id_token        bytea,
    session_until   timestamptz,
    exchanged_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, state_hash),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK (expires_at > created_at),
    CHECK ((code_hash IS NULL) = (code_expires_at IS NULL) AND (code_hash IS NULL) = (user_id IS NULL))
);
CREATE INDEX sign_ins_state ON sign_ins (state_hash);
CREATE INDEX sign_ins_code ON sign_ins (code_hash) WHERE code_hash IS NOT NULL;
CREATE INDEX sign_ins_expiry ON sign_ins (tenant_id, expires_at);
SELECT protect('sign_ins');

CREATE POLICY resolver ON sign_ins FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON sign_ins TO parvis_resolver;
-- Whose sign-in it is, for a browser that comes back with nothing else.
CREATE FUNCTION resolve_sign_in(wanted bytea)
    RETURNS TABLE (tenant_id uuid, sign_in_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT s.tenant_id, s.id
    FROM sign_ins s JOIN tenants t ON t.tenant_id = s.tenant_id AND t.status = 'active'
    WHERE s.state_hash = wanted OR s.code_hash = wanted
    $$;
ALTER FUNCTION resolve_sign_in(bytea) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_sign_in(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_sign_in(bytea) TO parvis_app;
