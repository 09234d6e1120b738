-- What each person agreed to or refused, with its proof.

-- The purposes of processing: nothing is asked, kept or sent without one
-- (GDPR art. 5(1)(b), art. 30).
CREATE TABLE purposes (
    tenant_id   uuid        NOT NULL REFERENCES tenants (tenant_id),
    id          uuid        NOT NULL,
    code        text        COLLATE "C" NOT NULL CHECK (code ~ '^[a-z][a-z0-9_-]{0,59}$'),
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    legal_basis text        NOT NULL CHECK (legal_basis IN ('consent', 'contract', 'legal_obligation', 'vital_interests', 'public_task', 'legitimate_interests')),
    description text        CHECK (length(description) <= 2000),
    archived_at timestamptz,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code)
);
SELECT protect('purposes', 'SELECT, INSERT, UPDATE');

-- The texts people were shown. A text never changes: another one is another row.
CREATE TABLE consent_wordings (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    id         uuid        NOT NULL,
    -- label is the version that the author gave the text.
    label      text        NOT NULL CHECK (length(label) BETWEEN 1 AND 60),
    language   text        NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    text       text        NOT NULL CHECK (length(text) BETWEEN 1 AND 10000),
    sha256     bytea       NOT NULL CHECK (sha256 = sha256(convert_to(text, 'UTF8'))),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, sha256, language, label)
);
CREATE INDEX consent_wordings_created ON consent_wordings (tenant_id, created_at, id);
SELECT protect('consent_wordings', 'SELECT, INSERT');

-- The ledger: append only, also for the application's role. The state of today,
-- or of any day, is derived from it.
CREATE TABLE consents (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    contact_id       uuid        NOT NULL,
    -- The point or address of the time. No foreign key: it may be deleted, the
    -- proof stays. What counts afterwards is point_value, to which the answer is
    -- bound: the normalized address, number or postal address. Null: the whole
    -- channel, which only an answer that says no can speak for.
    contact_point_id uuid,
    address_id       uuid,
    point_value      text        COLLATE "C" CHECK (length(point_value) BETWEEN 1 AND 600),
    purpose_id       uuid        NOT NULL,
    channel          text        NOT NULL CHECK (channel IN ('email', 'sms', 'phone', 'post')),
    -- controller: empty for the institution itself, a name for a partner.
    controller       text        NOT NULL DEFAULT '' CHECK (length(controller) <= 200),
    action           text        NOT NULL CHECK (action IN ('given', 'withdrawn', 'refused', 'pending', 'expired')),
    occurred_at      timestamptz NOT NULL,
    zone             text        NOT NULL DEFAULT 'UTC' CHECK (length(zone) BETWEEN 1 AND 64),
    recorded_at      timestamptz NOT NULL,
    expires_at       timestamptz,
    source           text        NOT NULL DEFAULT '' CHECK (length(source) <= 120),
    -- reference: what in the source said so (an order, a line of a file), so that
    -- being told twice is recorded once.
    reference        text        COLLATE "C" NOT NULL DEFAULT '' CHECK (length(reference) <= 200),
    actor_kind       text        NOT NULL,
    actor_id         text        NOT NULL,
    mechanism        text        NOT NULL CHECK (mechanism IN ('unticked_box', 'double_opt_in', 'paper', 'in_person', 'phone_call', 'ticketing', 'import', 'preference_page', 'unsubscribe_link', 'reply', 'lapse', 'other')),
    wording_id       uuid,
    form_id          uuid,
    form_version     bigint,
    url              text        CHECK (length(url) <= 2000),
    campaign_id      text        CHECK (length(campaign_id) <= 120),
    -- evidence: identity as typed, truncated address, browser family, times of
    -- submission and confirmation.
    evidence         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(evidence) = 'object'),
    withdrawal_url   text        CHECK (length(withdrawal_url) <= 2000),
    -- Copies that keep the proof whole after a purpose or the institution was renamed.
    purpose_copy     jsonb       NOT NULL,
    controller_name  text        NOT NULL,
    -- Each contact's entries are chained: digest is the SHA-256 of the proof in
    -- canonical form (RFC 8785), which contains the digest before it.
    sequence         bigint      NOT NULL CHECK (sequence > 0),
    previous_digest  bytea       NOT NULL CHECK (length(previous_digest) = 32),
    digest           bytea       NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, contact_id, sequence),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, purpose_id) REFERENCES purposes (tenant_id, id),
    FOREIGN KEY (tenant_id, wording_id) REFERENCES consent_wordings (tenant_id, id),
    CHECK (action NOT IN ('given', 'pending') OR point_value IS NOT NULL),
    CHECK (contact_point_id IS NULL OR address_id IS NULL),
    CHECK (address_id IS NULL OR channel = 'post'),
    CHECK (contact_point_id IS NULL OR channel <> 'post'),
    CHECK (expires_at IS NULL OR action IN ('given', 'pending'))
);
CREATE UNIQUE INDEX consents_reference ON consents (tenant_id, source, reference, contact_id, purpose_id, channel, controller, action, occurred_at) WHERE reference <> '';
CREATE INDEX consents_recorded ON consents (tenant_id, recorded_at, id);
CREATE INDEX consents_purpose ON consents (tenant_id, purpose_id, channel, recorded_at, id);
CREATE INDEX consents_point ON consents (tenant_id, channel, point_value);
SELECT protect('consents', 'SELECT, INSERT');

-- consent_states: what the ledger says at an instant, for one contact and all
-- that were merged into it. Of two answers the later counts; in the same
-- instant the stricter. An answer that waits for its confirmation takes nothing
-- from a consent that stands. It runs as its caller, behind the tenant wall.
CREATE FUNCTION consent_states(tenant uuid, contact uuid, instant timestamptz)
    RETURNS TABLE (consent_id uuid, purpose_id uuid, channel text, controller text, contact_point_id uuid, address_id uuid,
                   point_value text, state text, since timestamptz, expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY INVOKER SET search_path = crm, pg_temp
    AS $$
    WITH RECURSIVE persons AS (
        SELECT c.id FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact
        UNION
        SELECT c.id FROM contacts c JOIN persons p ON c.tenant_id = tenant AND c.merged_into = p.id
    ), entries AS (
        SELECT e.id, e.purpose_id, e.channel, e.controller, e.contact_point_id, e.address_id, e.point_value,
               CASE WHEN e.action IN ('given', 'pending') AND e.expires_at <= instant THEN 'expired' ELSE e.action END AS state,
               CASE WHEN e.action IN ('given', 'pending') AND e.expires_at <= instant THEN e.expires_at ELSE e.occurred_at END AS since,
               CASE e.action WHEN 'withdrawn' THEN 5 WHEN 'refused' THEN 4 WHEN 'expired' THEN 3 WHEN 'pending' THEN 2 ELSE 1 END AS strictness,
               e.occurred_at, e.expires_at, e.action = 'pending' AS waiting
        FROM consents e JOIN persons p ON e.contact_id = p.id
        WHERE e.tenant_id = tenant AND e.occurred_at <= instant
    ), subjects AS (
        SELECT DISTINCT e.purpose_id, e.channel, e.controller, e.point_value FROM entries e
    ), said AS (
        SELECT s.point_value AS about, e.*
        FROM subjects s JOIN entries e ON e.purpose_id = s.purpose_id AND e.channel = s.channel AND e.controller = s.controller
             AND (e.point_value IS NULL OR e.point_value = s.point_value)
    ), latest AS (
        SELECT DISTINCT ON (purpose_id, channel, controller, about) * FROM said
        ORDER BY purpose_id, channel, controller, about, occurred_at DESC, strictness DESC, id DESC
    ), decided AS (
        SELECT DISTINCT ON (purpose_id, channel, controller, about) * FROM said WHERE NOT waiting
        ORDER BY purpose_id, channel, controller, about, occurred_at DESC, strictness DESC, id DESC
    ), chosen AS (
        SELECT d.* FROM decided d WHERE d.state = 'given'
        UNION ALL
        SELECT l.* FROM latest l WHERE NOT EXISTS (
            SELECT 1 FROM decided d WHERE d.state = 'given' AND d.purpose_id = l.purpose_id AND d.channel = l.channel
                AND d.controller = l.controller AND d.about IS NOT DISTINCT FROM l.about)
    )
    SELECT id, purpose_id, channel, controller, contact_point_id, address_id, about, state, since, expires_at FROM chosen
    $$;
REVOKE ALL ON FUNCTION consent_states(uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION consent_states(uuid, uuid, timestamptz) TO parvis_app;

-- What a consent by post is bound to.
CREATE FUNCTION postal_value(delivery text, building text, street text, locality text, postal_code text, city text, country text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT lower(concat_ws('|', delivery, building, street, locality, postal_code, city, country)) $$;
REVOKE ALL ON FUNCTION postal_value(text, text, text, text, text, text, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION postal_value(text, text, text, text, text, text, text) TO parvis_app;
