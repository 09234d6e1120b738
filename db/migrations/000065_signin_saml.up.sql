-- Signing in with an identity provider that speaks SAML 2.0.

CREATE TABLE saml_connections (
    tenant_id          uuid        NOT NULL,
    provider_id        uuid        NOT NULL,
    is_enabled         boolean     NOT NULL DEFAULT true,
    -- metadata: the provider's, as it was given: keys and addresses.
    metadata           text        NOT NULL CHECK (length(metadata) BETWEEN 1 AND 200000),
    -- The key by which this program signs requests and reads what is encrypted
    -- for it, sealed; its certificate is in the metadata that the provider gets.
    private_key        bytea,
    certificate        bytea,
    name_id_format     text        NOT NULL CHECK (name_id_format IN ('persistent', 'unspecified')),
    requested_contexts text[]      NOT NULL DEFAULT '{}',
    required_contexts  text[]      NOT NULL DEFAULT '{}',
    session_seconds    integer     NOT NULL CHECK (session_seconds BETWEEN 900 AND 86400),
    version            bigint      NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, provider_id),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id),
    CHECK ((private_key IS NULL) = (certificate IS NULL))
);
SELECT protect('saml_connections');

-- Assertions that were taken, until nobody would take them any more: each is
-- good once.
CREATE TABLE saml_assertions (
    tenant_id      uuid        NOT NULL,
    provider_id    uuid        NOT NULL,
    assertion_hash bytea       NOT NULL CHECK (length(assertion_hash) = 32),
    expires_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, provider_id, assertion_hash),
    FOREIGN KEY (tenant_id, provider_id) REFERENCES identity_providers (tenant_id, id)
);
CREATE INDEX saml_assertions_expiry ON saml_assertions (tenant_id, expires_at);
SELECT protect('saml_assertions');

-- request_id: the request that the provider's answer has to name.
ALTER TABLE sign_ins ADD COLUMN request_id text CHECK (length(request_id) <= 100);
