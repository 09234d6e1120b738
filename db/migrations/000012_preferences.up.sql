-- Links by which a person sees and changes what their address is used for.

CREATE TABLE preference_links (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    -- link_hash: SHA-256 of the link's secret, which is nowhere else.
    link_hash  bytea       NOT NULL CHECK (length(link_hash) = 32),
    -- The person and the address, as it was when the link was made: a link does
    -- not follow to another address.
    contact_id  uuid        NOT NULL,
    kind        text        NOT NULL CHECK (kind IN ('email', 'phone')),
    point_value text        COLLATE "C" NOT NULL CHECK (length(point_value) BETWEEN 1 AND 320),
    -- purpose_id: of the message that the link is in; null: of none in particular.
    purpose_id  uuid,
    campaign_id text        CHECK (length(campaign_id) BETWEEN 1 AND 120),
    language    text        CHECK (length(language) BETWEEN 2 AND 35),
    created_at  timestamptz NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, link_hash),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, purpose_id) REFERENCES purposes (tenant_id, id),
    CHECK (expires_at > created_at)
);
CREATE INDEX preference_links_token ON preference_links (link_hash);
CREATE INDEX preference_links_contact ON preference_links (tenant_id, contact_id);
CREATE INDEX preference_links_expiry ON preference_links (tenant_id, expires_at);
SELECT protect('preference_links', 'SELECT, INSERT, UPDATE, DELETE');

-- Requests to have a link sent. The address goes once it was looked up; the
-- rest after an hour.
CREATE TABLE preference_requests (
    tenant_id    uuid        NOT NULL REFERENCES tenants (tenant_id),
    id           uuid        NOT NULL,
    email        text        CHECK (length(email) BETWEEN 3 AND 320),
    -- A keyed hash, for counting only.
    email_hash   bytea       NOT NULL CHECK (length(email_hash) = 32),
    language     text        NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    requested_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX preference_requests_email ON preference_requests (tenant_id, email_hash, requested_at);
CREATE INDEX preference_requests_due ON preference_requests (requested_at, tenant_id) WHERE email IS NOT NULL;
SELECT protect('preference_requests', 'SELECT, INSERT, UPDATE, DELETE');

CREATE POLICY resolver ON preference_links FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON preference_requests FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON preference_links, preference_requests TO parvis_resolver;

-- Whose link it is, for a person who has nothing else.
CREATE FUNCTION resolve_preference_link(wanted bytea)
    RETURNS TABLE (tenant_id uuid, mode text, link_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT l.tenant_id, t.mode, l.id
    FROM preference_links l JOIN tenants t ON t.tenant_id = l.tenant_id AND t.status = 'active'
    WHERE l.link_hash = wanted
    $$;
-- Whether there is such an institution, for a stranger.
CREATE FUNCTION resolve_institution(wanted uuid)
    RETURNS TABLE (tenant_id uuid, mode text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT t.tenant_id, t.mode FROM tenants t WHERE t.tenant_id = wanted AND t.status = 'active' $$;
-- Which institutions have requests to answer, or to forget. Ids only.
CREATE FUNCTION tenants_with_preference_requests(counted_before timestamptz) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM preference_requests WHERE email IS NOT NULL OR requested_at < counted_before $$;
-- Which institutions have links that ended. Ids only.
CREATE FUNCTION tenants_with_ended_preference_links(ended_before timestamptz) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM preference_links WHERE expires_at < ended_before $$;
ALTER FUNCTION resolve_preference_link(bytea) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_institution(uuid) OWNER TO parvis_resolver;
ALTER FUNCTION tenants_with_preference_requests(timestamptz) OWNER TO parvis_resolver;
ALTER FUNCTION tenants_with_ended_preference_links(timestamptz) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_preference_link(bytea), resolve_institution(uuid), tenants_with_preference_requests(timestamptz), tenants_with_ended_preference_links(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_preference_link(bytea), resolve_institution(uuid), tenants_with_preference_requests(timestamptz), tenants_with_ended_preference_links(timestamptz) TO parvis_app;
