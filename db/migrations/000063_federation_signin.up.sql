-- Identity providers that people sign in with by a browser, and what counts as
-- a second factor there.
ALTER TABLE identity_providers
    ADD COLUMN protocol text NOT NULL DEFAULT 'oidc' CHECK (protocol IN ('oidc', 'saml')),
    -- accepts_bearer_tokens: whether its access tokens open the API by themselves.
    ADD COLUMN accepts_bearer_tokens boolean NOT NULL DEFAULT true,
    -- Values of acr and amr that stand for more than one factor.
    ADD COLUMN strong_acr text[] NOT NULL DEFAULT '{}',
    ADD COLUMN strong_amr text[] NOT NULL DEFAULT '{}';

-- Where a browser may be sent back to after signing in or out, letter by letter.
ALTER TABLE account_policies ADD COLUMN return_addresses text[] NOT NULL DEFAULT '{}';

-- Further identities of a user, each entered by an administrator: nobody is
-- found by an address.
CREATE TABLE identity_links (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    issuer     text        COLLATE "C" NOT NULL CHECK (length(issuer) BETWEEN 1 AND 400),
    subject    text        COLLATE "C" NOT NULL CHECK (length(subject) BETWEEN 1 AND 255),
    created_at timestamptz NOT NULL DEFAULT now(),
    version    bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, issuer, subject),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX identity_links_user ON identity_links (tenant_id, user_id, id);
SELECT protect('identity_links');

CREATE OR REPLACE FUNCTION resolve_identity_providers(wanted text)
    RETURNS TABLE (tenant_id uuid, id uuid, audience text, tenant_claim text, tenant_value text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT p.tenant_id, p.id, p.audience, p.tenant_claim, p.tenant_value
    FROM identity_providers p JOIN tenants t ON t.tenant_id = p.tenant_id AND t.status = 'active'
    WHERE p.issuer = wanted AND p.is_enabled AND p.accepts_bearer_tokens AND p.protocol = 'oidc'
    $$;
CREATE OR REPLACE FUNCTION identity_provider_is_ambiguous(own uuid, wanted text, meant_for text, claim text, value text) RETURNS boolean
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT EXISTS (
        SELECT 1 FROM identity_providers p
        WHERE p.tenant_id <> own AND p.issuer = wanted AND p.audience = meant_for AND p.accepts_bearer_tokens AND p.protocol = 'oidc'
          AND NOT coalesce(p.tenant_claim = claim AND p.tenant_value <> value, false))
    $$;
