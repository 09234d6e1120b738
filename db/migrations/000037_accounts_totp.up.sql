-- The second factor of local accounts, and where an institution asks for one.

CREATE TABLE account_totps (
    tenant_id    uuid        NOT NULL,
    user_id      uuid        NOT NULL,
    -- secret: sealed with the institution's key.
    secret       bytea       NOT NULL,
    created_at   timestamptz NOT NULL,
    confirmed_at timestamptz,
    -- last_step: the last time step whose code was used; none is good twice (RFC 6238 §5.2).
    last_step    bigint      NOT NULL DEFAULT 0,
    version      bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
SELECT protect('account_totps');

-- Codes for when the device is lost, each good once; as keyed hashes.
CREATE TABLE account_recovery_codes (
    tenant_id uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    code_hash bytea       NOT NULL CHECK (length(code_hash) = 32),
    used_at   timestamptz,
    PRIMARY KEY (tenant_id, user_id, code_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
SELECT protect('account_recovery_codes');

-- Whoever has shown the first factor, for the few minutes until the second.
CREATE TABLE account_challenges (
    tenant_id      uuid        NOT NULL,
    challenge_hash bytea       NOT NULL CHECK (length(challenge_hash) = 32),
    user_id        uuid        NOT NULL,
    created_at     timestamptz NOT NULL,
    expires_at     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, challenge_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK (expires_at > created_at)
);
CREATE INDEX account_challenges_hash ON account_challenges (challenge_hash);
CREATE INDEX account_challenges_expiry ON account_challenges (tenant_id, expires_at);
SELECT protect('account_challenges');

-- For whom the institution asks for a second factor: whoever has one of these
-- roles or may do one of these things.
CREATE TABLE account_policies (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    mfa_roles  text[]      NOT NULL DEFAULT '{}',
    mfa_scopes text[]      NOT NULL DEFAULT '{}',
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id)
);
SELECT protect('account_policies', 'SELECT, INSERT, UPDATE');

CREATE POLICY resolver ON account_challenges FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON account_challenges TO parvis_resolver;
-- Whose challenge it is.
CREATE FUNCTION resolve_account_challenge(wanted bytea)
    RETURNS TABLE (tenant_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id
    FROM account_challenges c JOIN tenants t ON t.tenant_id = c.tenant_id AND t.status = 'active'
    WHERE c.challenge_hash = wanted
    $$;
ALTER FUNCTION resolve_account_challenge(bytea) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_account_challenge(bytea) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_account_challenge(bytea) TO parvis_app;
