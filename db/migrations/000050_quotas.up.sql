-- What a credential may ask of the server in a time, where it differs from what
-- the installation gives everybody. Null is the installation's.
CREATE TABLE quotas (
    tenant_id        uuid        NOT NULL REFERENCES tenants (tenant_id),
    credential_id    uuid        NOT NULL,
    credential_kind  text        NOT NULL CHECK (credential_kind IN ('api_key', 'oauth_client', 'user')),
    default_requests integer     CHECK (default_requests BETWEEN 1 AND 1000000),
    search_requests  integer     CHECK (search_requests BETWEEN 1 AND 1000000),
    bulk_requests    integer     CHECK (bulk_requests BETWEEN 1 AND 1000000),
    reason           text        CHECK (length(reason) BETWEEN 1 AND 1000),
    version          bigint      NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, credential_id)
);
SELECT protect('quotas', 'SELECT, INSERT, UPDATE');
CREATE POLICY resolver ON quotas FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON quotas TO parvis_resolver;

-- What has been used of each quota, by all processes together. key is a keyed
-- hash of the policy and of whose quota it is: a credential's, an institution's
-- or an address's, which is asked before any institution is known. used leaks
-- away evenly, so that a whole quota is free again after its window.
--
-- Nothing is lost with it that matters longer than a minute: it needs no log.
CREATE UNLOGGED TABLE quota_buckets (
    key      bytea            NOT NULL PRIMARY KEY CHECK (length(key) = 16),
    capacity integer          NOT NULL CHECK (capacity > 0),
    used     double precision NOT NULL,
    granted  integer          NOT NULL,
    at       timestamptz      NOT NULL
);
CREATE INDEX quota_buckets_age ON quota_buckets (at);
GRANT SELECT, INSERT, UPDATE, DELETE ON quota_buckets TO parvis_resolver;

-- What is still used of a quota some time later.
CREATE FUNCTION quota_used(used double precision, at timestamptz, later timestamptz, capacity integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT greatest(0, used - capacity / 60.0 * greatest(0, extract(epoch FROM later - at)::double precision)) $$;
REVOKE ALL ON FUNCTION quota_used(double precision, timestamptz, timestamptz, integer) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION quota_used(double precision, timestamptz, timestamptz, integer) TO parvis_resolver;

-- Gives out parts of quotas of a minute, each no more than is left of it and than
-- a twentieth of the whole. Rows are taken in the order of their keys, so that
-- processes never wait for each other in a ring.
CREATE FUNCTION lease_quotas(keys bytea[], policies text[], tenants uuid[], credentials uuid[], capacities integer[])
    RETURNS TABLE (key bytea, capacity integer, granted integer, used double precision)
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    WITH asked AS (
        SELECT a.key, c.capacity, greatest(1, c.capacity / 20) AS wanted
        FROM unnest(keys, policies, tenants, credentials, capacities) AS a (key, policy, tenant, credential, capacity)
        LEFT JOIN quotas q ON q.tenant_id = a.tenant AND q.credential_id = a.credential
        CROSS JOIN LATERAL (SELECT coalesce(CASE a.policy WHEN 'default' THEN q.default_requests WHEN 'search' THEN q.search_requests WHEN 'bulk' THEN q.bulk_requests END,
                                            a.capacity) AS capacity) c
    )
    INSERT INTO quota_buckets AS b (key, capacity, used, granted, at)
    SELECT a.key, a.capacity, a.wanted, a.wanted, clock_timestamp() FROM asked a ORDER BY a.key
    ON CONFLICT (key) DO UPDATE SET
        capacity = excluded.capacity,
        granted = greatest(0, least(excluded.granted, floor(excluded.capacity - quota_used(b.used, b.at, excluded.at, excluded.capacity))::integer)),
        used = quota_used(b.used, b.at, excluded.at, excluded.capacity)
             + greatest(0, least(excluded.granted, floor(excluded.capacity - quota_used(b.used, b.at, excluded.at, excluded.capacity))::integer)),
        at = greatest(b.at, excluded.at)
    RETURNING b.key, b.capacity, b.granted, b.used
    $$;

-- Forgets quotas that have long been whole again.
CREATE FUNCTION forget_quotas() RETURNS void
    LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ DELETE FROM quota_buckets WHERE at < clock_timestamp() - interval '1 hour' $$;

GRANT CREATE ON SCHEMA crm TO parvis_resolver;
ALTER FUNCTION lease_quotas(bytea[], text[], uuid[], uuid[], integer[]) OWNER TO parvis_resolver;
ALTER FUNCTION forget_quotas() OWNER TO parvis_resolver;
REVOKE CREATE ON SCHEMA crm FROM parvis_resolver;
REVOKE ALL ON FUNCTION lease_quotas(bytea[], text[], uuid[], uuid[], integer[]), forget_quotas() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION lease_quotas(bytea[], text[], uuid[], uuid[], integer[]), forget_quotas() TO parvis_app;

-- Who is doing bulk work for an institution just now: so many at once and no
-- more, over all processes. A process that ends without a word loses its places
-- when they run out.
CREATE UNLOGGED TABLE bulk_places (
    tenant_id  uuid        NOT NULL,
    place      integer     NOT NULL,
    holder     uuid        NOT NULL,
    held_until timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, place)
);
SELECT protect('bulk_places');
