-- The identity providers that an institution trusts, and whom they have vouched
-- for.

CREATE TABLE identity_providers (
    tenant_id       uuid        NOT NULL REFERENCES tenants (tenant_id),
    id              uuid        NOT NULL,
    name            text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- issuer and audience are compared letter by letter.
    issuer          text        COLLATE "C" NOT NULL CHECK (length(issuer) BETWEEN 1 AND 400),
    audience        text        COLLATE "C" NOT NULL CHECK (length(audience) BETWEEN 1 AND 400),
    -- Where its keys are; null: where its discovery document says.
    jwks_uri        text        CHECK (length(jwks_uri) BETWEEN 1 AND 2000),
    allowed_algs    text[]      NOT NULL CHECK (cardinality(allowed_algs) > 0 AND allowed_algs <@ ARRAY['ES256', 'RS256']),
    token_types     text[]      NOT NULL CHECK (cardinality(token_types) > 0 AND token_types <@ ARRAY['at+jwt', 'JWT']),
    accepts_id_tokens boolean   NOT NULL DEFAULT false,
    -- The claim and its value that tell the institution's tokens from those of
    -- others who trust the same issuer.
    tenant_claim    text        CHECK (length(tenant_claim) BETWEEN 1 AND 200),
    tenant_value    text        CHECK (length(tenant_value) BETWEEN 1 AND 400),
    required_claims jsonb       NOT NULL DEFAULT '{}',
    email_claim     text        NOT NULL DEFAULT 'email' CHECK (length(email_claim) BETWEEN 1 AND 200),
    name_claim      text        NOT NULL DEFAULT 'name' CHECK (length(name_claim) BETWEEN 1 AND 200),
    role_claim      text        CHECK (length(role_claim) BETWEEN 1 AND 200),
    -- role_mapping: a list of {value, role, department_id}.
    role_mapping    jsonb       NOT NULL DEFAULT '[]',
    provision       text        NOT NULL DEFAULT 'none' CHECK (provision IN ('none', 'on_first_use')),
    is_enabled      boolean     NOT NULL DEFAULT true,
    version         bigint      NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, issuer, audience),
    CHECK ((tenant_claim IS NULL) = (tenant_value IS NULL))
);
CREATE INDEX identity_providers_issuer ON identity_providers (issuer);
SELECT protect('identity_providers', 'SELECT, INSERT, UPDATE');

-- What the youngest token of a user said, so that an older one changes nothing.
CREATE TABLE identity_provider_users (
    tenant_id    uuid        NOT NULL,
    provider_id  uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    last_issued  timestamptz NOT NULL,
    -- roles: those mapped from that token, as a digest.
    roles_digest bytea       NOT NULL CHECK (length(roles_digest) = 32),
    PRIMARY KEY (tenant_id, provider_id, user_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
SELECT protect('identity_provider_users');

CREATE POLICY resolver ON identity_providers FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON identity_providers TO parvis_resolver;

-- Who trusts an issuer: what a token is judged by, before its keys are fetched.
CREATE FUNCTION resolve_identity_providers(wanted text)
    RETURNS TABLE (tenant_id uuid, id uuid, audience text, tenant_claim text, tenant_value text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT p.tenant_id, p.id, p.audience, p.tenant_claim, p.tenant_value
    FROM identity_providers p JOIN tenants t ON t.tenant_id = p.tenant_id AND t.status = 'active'
    WHERE p.issuer = wanted AND p.is_enabled
    $$;
-- Whether a token could be meant for two institutions: another one trusts the
-- issuer for the same audience, and no claim tells the two apart.
CREATE FUNCTION identity_provider_is_ambiguous(own uuid, wanted text, meant_for text, claim text, value text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT 1 FROM identity_providers p
        WHERE p.tenant_id <> own AND p.issuer = wanted AND p.audience = meant_for
          AND NOT coalesce(p.tenant_claim = claim AND p.tenant_value <> value, false))
    $$;
ALTER FUNCTION resolve_identity_providers(text) OWNER TO parvis_resolver;
ALTER FUNCTION identity_provider_is_ambiguous(uuid, text, text, text, text) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_identity_providers(text), identity_provider_is_ambiguous(uuid, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_identity_providers(text), identity_provider_is_ambiguous(uuid, text, text, text, text) TO parvis_app;
