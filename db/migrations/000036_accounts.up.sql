-- Local accounts, for an institution that has no identity provider: passwords,
-- the links by which they are set, sessions, and the count of failed attempts.

CREATE TABLE account_passwords (
    tenant_id  uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    -- password_hash: Argon2id with its parameters and salt (PHC string format).
    password_hash text     COLLATE "C" NOT NULL CHECK (password_hash ~ '^\$argon2id\$v=19\$m=[0-9]+,t=[0-9]+,p=[0-9]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+$'),
    set_at     timestamptz NOT NULL,
    version    bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
SELECT protect('account_passwords');

-- Links by which a user sets a password, once.
CREATE TABLE account_links (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    user_id    uuid        NOT NULL,
    kind       text        NOT NULL CHECK (kind IN ('invitation', 'reset')),
    -- link_hash: SHA-256 of the link's secret, which is nowhere else.
    link_hash  bytea       NOT NULL CHECK (length(link_hash) = 32),
    -- The address as it was when the link was sent: a link does not follow to another one.
    email      text        NOT NULL CHECK (length(email) BETWEEN 3 AND 254),
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, link_hash),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK (expires_at > created_at)
);
CREATE INDEX account_links_hash ON account_links (link_hash);
CREATE INDEX account_links_user ON account_links (tenant_id, user_id);
CREATE INDEX account_links_expiry ON account_links (tenant_id, expires_at);
SELECT protect('account_links');

-- Requests to have such a link sent. The address goes once it was looked up;
-- the rest after an hour.
CREATE TABLE account_requests (
    tenant_id    uuid        NOT NULL REFERENCES tenants (tenant_id),
    id           uuid        NOT NULL,
    email        text        CHECK (length(email) BETWEEN 3 AND 254),
    -- A keyed hash, for counting only.
    email_hash   bytea       NOT NULL CHECK (length(email_hash) = 32),
    language     text        NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    requested_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX account_requests_email ON account_requests (tenant_id, email_hash, requested_at);
CREATE INDEX account_requests_due ON account_requests (requested_at, tenant_id) WHERE email IS NOT NULL;
SELECT protect('account_requests');

-- Failed attempts by account, whether or not there is such an account, and by
-- address; both as keyed hashes. An attempt counts before it is looked at, so
-- that many at once are not more than one after the other.
CREATE TABLE account_attempts (
    tenant_id    uuid        NOT NULL REFERENCES tenants (tenant_id),
    kind         text        NOT NULL CHECK (kind IN ('account', 'address')),
    subject_hash bytea       NOT NULL CHECK (length(subject_hash) = 32),
    failures     integer     NOT NULL CHECK (failures >= 0),
    last_at      timestamptz NOT NULL,
    locked_until timestamptz,
    PRIMARY KEY (tenant_id, kind, subject_hash)
);
CREATE INDEX account_attempts_age ON account_attempts (tenant_id, last_at);
SELECT protect('account_attempts');

CREATE TABLE account_sessions (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    user_id         uuid        NOT NULL,
    -- How the person proved who they are (RFC 8176): pwd, otp, mfa, fed.
    methods         text[]      NOT NULL,
    -- provider_id: the identity provider that vouched, null for a local account.
    provider_id     uuid,
    -- id_token: what the provider wants back at sign-out, sealed.
    id_token        bytea,
    user_agent      text        CHECK (length(user_agent) <= 1000),
    address         text        CHECK (length(address) <= 64),
    created_at      timestamptz NOT NULL,
    used_at         timestamptz NOT NULL,
    idle_until      timestamptz NOT NULL,
    expires_at      timestamptz NOT NULL,
    ended_at        timestamptz,
    end_reason      text        CHECK (end_reason IN ('signed_out', 'ended_by_administrator', 'password_set', 'token_reused', 'user_deactivated', 'second_factor_changed')),
    version         bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id),
    CHECK ((ended_at IS NULL) = (end_reason IS NULL)),
    CHECK (expires_at > created_at AND idle_until <= expires_at)
);
CREATE INDEX account_sessions_user ON account_sessions (tenant_id, user_id, id);
CREATE INDEX account_sessions_expiry ON account_sessions (tenant_id, expires_at);
SELECT protect('account_sessions');

-- The refresh tokens of a session, each good for one exchange. All of a session
-- are one family: when one comes back after its successor was used, somebody has
-- a copy, and the session ends (RFC 9700 §4.14.2).
CREATE TABLE account_refreshes (
    tenant_id   uuid        NOT NULL,
    session_id  uuid        NOT NULL,
    token_hash  bytea       NOT NULL CHECK (length(token_hash) = 32),
    issued_at   timestamptz NOT NULL,
    replaced_at timestamptz,
    -- successor_hash: of the token that replaced it.
    successor_hash bytea    CHECK (length(successor_hash) = 32),
    PRIMARY KEY (tenant_id, token_hash),
    FOREIGN KEY (tenant_id, session_id) REFERENCES account_sessions (tenant_id, id) ON DELETE CASCADE,
    CHECK ((replaced_at IS NULL) = (successor_hash IS NULL))
);
CREATE INDEX account_refreshes_session ON account_refreshes (tenant_id, session_id);
CREATE INDEX account_refreshes_hash ON account_refreshes (token_hash);
SELECT protect('account_refreshes');

-- Whoever may act no more has no session left, however that came about.
CREATE FUNCTION end_sessions_of_inactive_user() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    UPDATE crm.account_sessions SET ended_at = now(), end_reason = 'user_deactivated', version = version + 1
    WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id AND ended_at IS NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER end_sessions AFTER UPDATE OF status ON users
    FOR EACH ROW WHEN (NEW.status <> 'active' AND OLD.status IS DISTINCT FROM NEW.status)
    EXECUTE FUNCTION end_sessions_of_inactive_user();

CREATE POLICY resolver ON account_links FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON account_requests FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON account_refreshes FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON account_links, account_requests, account_refreshes TO parvis_resolver;

-- Whose link it is, for a person who has nothing else.
CREATE FUNCTION resolve_account_link(wanted bytea)
    RETURNS TABLE (tenant_id uuid, link_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT l.tenant_id, l.id
    FROM account_links l JOIN tenants t ON t.tenant_id = l.tenant_id AND t.status = 'active'
    WHERE l.link_hash = wanted
    $$;
-- Whose refresh token it is.
CREATE FUNCTION resolve_refresh_token(wanted bytea)
    RETURNS TABLE (tenant_id uuid, session_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT r.tenant_id, r.session_id
    FROM account_refreshes r JOIN tenants t ON t.tenant_id = r.tenant_id AND t.status = 'active'
    WHERE r.token_hash = wanted
    $$;
-- Which institutions have requests to answer, or to forget. Ids only.
CREATE FUNCTION tenants_with_account_requests(counted_before timestamptz) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM account_requests WHERE email IS NOT NULL OR requested_at < counted_before $$;
ALTER FUNCTION resolve_account_link(bytea) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_refresh_token(bytea) OWNER TO parvis_resolver;
ALTER FUNCTION tenants_with_account_requests(timestamptz) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_account_link(bytea), resolve_refresh_token(bytea), tenants_with_account_requests(timestamptz), end_sessions_of_inactive_user() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_account_link(bytea), resolve_refresh_token(bytea), tenants_with_account_requests(timestamptz), end_sessions_of_inactive_user() TO parvis_app;
