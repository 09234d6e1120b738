-- Where an institution's logs are sent as they grow, and up to where.
CREATE TABLE siem_forwarders (
    tenant_id          uuid        NOT NULL REFERENCES tenants (tenant_id),
    id                 uuid        NOT NULL,
    name               text        NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    url                text        NOT NULL CHECK (length(url) BETWEEN 8 AND 2048),
    -- What the receiver is known by, where it is not by the world's authorities;
    -- what we are known by to it.
    ca_certificates    text        CHECK (length(ca_certificates) <= 65536),
    client_certificate text        CHECK (length(client_certificate) <= 65536),
    -- secret: the token and the key of the certificate, under the institution's key.
    secret             bytea,
    status             text        NOT NULL CHECK (status IN ('active', 'paused')),
    -- place: what the receiver has taken.
    place              text        NOT NULL CHECK (length(place) <= 120),
    -- ends_in_order: the receiver ends a connection of TLS by close_notify.
    ends_in_order      boolean     NOT NULL DEFAULT false,
    delivered          bigint      NOT NULL DEFAULT 0,
    last_delivered_at  timestamptz,
    -- behind_since: when the first entry that waits happened; null: none waits.
    behind_since       timestamptz,
    failing_since      timestamptz,
    last_error         text,
    failures           integer     NOT NULL DEFAULT 0,
    lag_told_at        timestamptz,
    due_at             timestamptz NOT NULL DEFAULT now(),
    leased_by          uuid,
    leased_until       timestamptz,
    version            bigint      NOT NULL DEFAULT 1,
    created_at         timestamptz NOT NULL DEFAULT now(),
    updated_at         timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
SELECT protect('siem_forwarders');

CREATE POLICY resolver ON siem_forwarders FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON siem_forwarders TO parvis_resolver;

-- Which forwarders are due. Ids only.
CREATE FUNCTION siem_forwarders_due(most integer) RETURNS TABLE (tenant uuid, forwarder uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT f.tenant_id, f.id FROM siem_forwarders f JOIN tenants t ON t.tenant_id = f.tenant_id
    WHERE f.status = 'active' AND t.status = 'active' AND f.due_at <= now() AND (f.leased_until IS NULL OR f.leased_until < now())
    ORDER BY f.due_at LIMIT most
    $$;
-- How the forwarders of all institutions fare, for the operator: numbers only.
CREATE FUNCTION siem_figures() RETURNS TABLE (active bigint, failing bigint, lag_seconds double precision)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT count(*) FILTER (WHERE status = 'active'), count(*) FILTER (WHERE status = 'active' AND failing_since IS NOT NULL),
           coalesce(max(extract(epoch FROM now() - behind_since)) FILTER (WHERE status = 'active'), 0)::float8
    FROM siem_forwarders
    $$;
ALTER FUNCTION siem_forwarders_due(integer) OWNER TO parvis_resolver;
ALTER FUNCTION siem_figures() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION siem_forwarders_due(integer), siem_figures() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION siem_forwarders_due(integer), siem_figures() TO parvis_app;
