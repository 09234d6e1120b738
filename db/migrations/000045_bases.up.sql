-- For which purposes a person's data may be read at an instant, enforced where
-- the data is: a statement whose sight is bound to purposes finds nobody else.
--
-- Two more members of app.sight, both of which its absence leaves unbound:
--
--   u  codes of the purposes to which the statement is bound
--   t  the instant at which a legal basis has to stand

-- What the ledger of consents says, as intervals: when an answer stood. It
-- follows from the ledger and is kept by its trigger, so that time alone, such as
-- the end of a consent, needs no write. Only the institution's own purposes
-- count, not those of a partner.
CREATE TABLE contact_bases (
    tenant_id      uuid        NOT NULL,
    -- contact_id: who lives on, when contacts were merged.
    contact_id     uuid        NOT NULL,
    purpose_id     uuid        NOT NULL,
    stance         text        NOT NULL CHECK (stance IN ('given', 'refused')),
    channel        text        NOT NULL,
    -- point_value: as in the ledger; empty for the whole channel.
    point_value    text        COLLATE "C" NOT NULL,
    standing_from  timestamptz NOT NULL,
    standing_until timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, purpose_id, stance, channel, point_value, standing_from),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, purpose_id) REFERENCES purposes (tenant_id, id) ON DELETE CASCADE,
    CHECK (standing_from < standing_until)
);
CREATE INDEX contact_bases_purpose ON contact_bases (tenant_id, purpose_id, stance, contact_id, standing_from, standing_until);
SELECT protect('contact_bases', 'SELECT, INSERT, DELETE');

-- Who lives on in the place of a contact.
CREATE FUNCTION survivor_of(tenant uuid, contact uuid) RETURNS uuid
    LANGUAGE sql STABLE SECURITY INVOKER SET search_path = crm, pg_temp
    AS $$
    WITH RECURSIVE up AS (
        SELECT c.id, c.merged_into FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact
        UNION
        SELECT c.id, c.merged_into FROM contacts c JOIN up ON c.tenant_id = tenant AND c.id = up.merged_into
    )
    SELECT id FROM up WHERE merged_into IS NULL
    $$;

-- keep_bases derives the intervals of these contacts anew, for these purposes or,
-- without any named, for all. An answer that waits for its confirmation decides
-- nothing. It sees everything of its tenant, whoever writes.
CREATE FUNCTION keep_bases(tenant uuid, contacts_to_keep uuid[], purposes_to_keep uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    -- One writer at a time; what it waited for, the next statement sees.
    PERFORM 1 FROM contacts c WHERE c.tenant_id = tenant AND c.id = ANY (contacts_to_keep) ORDER BY c.id FOR NO KEY UPDATE;
    DELETE FROM contact_bases b
    WHERE b.tenant_id = tenant AND b.contact_id = ANY (contacts_to_keep) AND (purposes_to_keep IS NULL OR b.purpose_id = ANY (purposes_to_keep));
    INSERT INTO contact_bases (tenant_id, contact_id, purpose_id, stance, channel, point_value, standing_from, standing_until)
    WITH RECURSIVE persons AS (
        SELECT c.id AS survivor, c.id FROM contacts c WHERE c.tenant_id = tenant AND c.id = ANY (contacts_to_keep) AND c.merged_into IS NULL
        UNION
        SELECT p.survivor, c.id FROM contacts c JOIN persons p ON c.tenant_id = tenant AND c.merged_into = p.id
    ), entries AS (
        SELECT p.survivor, e.id, e.purpose_id, e.channel, e.point_value, e.action, e.occurred_at, e.expires_at,
               CASE e.action WHEN 'withdrawn' THEN 5 WHEN 'refused' THEN 4 WHEN 'expired' THEN 3 ELSE 1 END AS strictness
        FROM persons p JOIN consents e ON e.tenant_id = tenant AND e.contact_id = p.id
        WHERE e.controller = '' AND e.action <> 'pending' AND (purposes_to_keep IS NULL OR e.purpose_id = ANY (purposes_to_keep))
    ), subjects AS (
        SELECT DISTINCT survivor, purpose_id, channel, point_value FROM entries
    ), said AS (
        SELECT s.survivor, s.purpose_id, s.channel, coalesce(s.point_value, '') AS about, e.action, e.occurred_at AS standing_from,
               least(coalesce(lead(e.occurred_at) OVER line, 'infinity'), CASE WHEN e.action = 'given' THEN e.expires_at END) AS standing_until
        FROM subjects s
        JOIN entries e ON e.survivor = s.survivor AND e.purpose_id = s.purpose_id AND e.channel = s.channel
             AND (e.point_value IS NULL OR e.point_value = s.point_value)
        WINDOW line AS (PARTITION BY s.survivor, s.purpose_id, s.channel, s.point_value ORDER BY e.occurred_at, e.strictness, e.id)
    )
    SELECT tenant, survivor, purpose_id, CASE action WHEN 'given' THEN 'given' ELSE 'refused' END, channel, about, standing_from, standing_until
    FROM said WHERE action IN ('given', 'withdrawn', 'refused') AND standing_from < standing_until;
END
$$;

CREATE FUNCTION keep_bases_of_consents() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
DECLARE
    r record;
BEGIN
    FOR r IN
        SELECT a.tenant_id, array_agg(DISTINCT survivor_of(a.tenant_id, a.contact_id)) AS contacts, array_agg(DISTINCT a.purpose_id) AS purposes
        FROM added a WHERE a.controller = '' AND a.action <> 'pending' GROUP BY a.tenant_id
    LOOP
        PERFORM keep_bases(r.tenant_id, r.contacts, r.purposes);
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_bases AFTER INSERT ON consents REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION keep_bases_of_consents();

CREATE FUNCTION keep_bases_of_merged() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    PERFORM keep_bases(NEW.tenant_id, array_remove(ARRAY[NEW.id, survivor_of(NEW.tenant_id, NEW.id), survivor_of(OLD.tenant_id, OLD.merged_into)], NULL), NULL);
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_bases AFTER UPDATE OF merged_into ON contacts
    FOR EACH ROW WHEN (NEW.merged_into IS DISTINCT FROM OLD.merged_into) EXECUTE FUNCTION keep_bases_of_merged();

-- What stands already. The migrating role may own the tables without seeing
-- their rows, so their walls are lifted for the length of this transaction.
ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE consents NO FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_bases NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT e.tenant_id, array_agg(DISTINCT survivor_of(e.tenant_id, e.contact_id)) AS contacts FROM consents e GROUP BY e.tenant_id LOOP
        PERFORM keep_bases(r.tenant_id, r.contacts, NULL);
    END LOOP;
END
$$;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
ALTER TABLE consents FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_bases FORCE ROW LEVEL SECURITY;

-- has_basis: whether any of these purposes may be pursued with a contact at an
-- instant. By consent: where a consent stands for some way of reaching the
-- person. By any other basis of GDPR art. 6(1): unless the person objected. What
-- is archived permits nothing. In PL/pgSQL, whose plans a connection keeps: those
-- of a function in SQL are made again with each statement.
CREATE FUNCTION has_basis(tenant uuid, contact uuid, codes text[], instant timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = crm, pg_temp
    AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM purposes p
        WHERE p.tenant_id = tenant AND p.code = ANY (codes) AND p.archived_at IS NULL
          AND CASE WHEN p.legal_basis = 'consent' THEN EXISTS (
                  SELECT 1 FROM contact_bases b
                  WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = p.id AND b.stance = 'given'
                    AND b.standing_from <= instant AND b.standing_until > instant)
              ELSE NOT EXISTS (
                  SELECT 1 FROM contact_bases b
                  WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = p.id AND b.stance = 'refused'
                    AND b.standing_from <= instant AND b.standing_until > instant) END);
END
    $$;

-- The same question as the policies ask it: with what does not depend on the row
-- asked once a statement.
CREATE FUNCTION sight_bound() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT NOT crm.sight_all() AND coalesce(crm.sight() ? 'u', false) $$;

CREATE FUNCTION sight_instant() RETURNS timestamptz
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((crm.sight() ->> 't')::timestamptz, statement_timestamp()) $$;

CREATE FUNCTION sight_purposes(by_consent boolean) RETURNS uuid[]
    LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = crm, pg_temp
    AS $$
BEGIN
    RETURN (SELECT coalesce(array_agg(p.id), '{}') FROM purposes p
    WHERE sight_bound() AND p.tenant_id = current_tenant() AND p.archived_at IS NULL AND (p.legal_basis = 'consent') = by_consent
      AND p.code IN (SELECT jsonb_array_elements_text(sight() -> 'u')));
END
    $$;

-- Whether some purpose of the statement that needs no consent may be pursued
-- with a contact. Asked of few rows.
CREATE FUNCTION sight_unopposed(tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = crm, pg_temp
    AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM unnest(sight_purposes(false)) AS o(id)
        WHERE NOT EXISTS (SELECT 1 FROM contact_bases b
                          WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = o.id AND b.stance = 'refused'
                            AND b.standing_from <= sight_instant() AND b.standing_until > sight_instant()));
END
    $$;

-- Whether a consent stands for one way of reaching somebody, for some purpose of
-- the statement.
CREATE FUNCTION sight_consented(tenant uuid, contact uuid, channels text[], value text) RETURNS boolean
    LANGUAGE plpgsql STABLE SECURITY INVOKER SET search_path = crm, pg_temp
    AS $$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM contact_bases b
        WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = ANY (sight_purposes(true)) AND b.stance = 'given'
          AND b.channel = ANY (channels) AND b.point_value = value
          AND b.standing_from <= sight_instant() AND b.standing_until > sight_instant());
END
    $$;

CREATE POLICY purpose ON contacts AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR (merged_into IS NULL AND (
        EXISTS (SELECT 1 FROM crm.contact_bases b
                WHERE b.tenant_id = contacts.tenant_id AND b.contact_id = contacts.id AND b.stance = 'given'
                  AND b.purpose_id = ANY ((SELECT crm.sight_purposes(true))::uuid[])
                  AND b.standing_from <= (SELECT crm.sight_instant()) AND b.standing_until > (SELECT crm.sight_instant()))
        OR EXISTS (SELECT 1 FROM unnest((SELECT crm.sight_purposes(false))) AS o(id)
                   WHERE NOT EXISTS (SELECT 1 FROM crm.contact_bases b
                                     WHERE b.tenant_id = contacts.tenant_id AND b.contact_id = contacts.id AND b.purpose_id = o.id AND b.stance = 'refused'
                                       AND b.standing_from <= (SELECT crm.sight_instant()) AND b.standing_until > (SELECT crm.sight_instant()))))));

-- Where consent is the basis, a person is reached where they said so and
-- nowhere else.
CREATE POLICY purpose ON contact_points AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR crm.sight_consented(tenant_id, contact_id, CASE kind WHEN 'email' THEN '{email}'::text[] WHEN 'phone' THEN '{phone,sms}'::text[] ELSE '{}' END, normalized)
    OR crm.sight_unopposed(tenant_id, contact_id));
CREATE POLICY purpose ON addresses AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR crm.sight_consented(tenant_id, contact_id, '{post}', crm.postal_value(delivery, building, street, locality, postal_code, city, country))
    OR crm.sight_unopposed(tenant_id, contact_id));

-- What a person answered about other purposes is none of this purpose's business.
CREATE POLICY purpose ON consents AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR purpose_id = ANY ((SELECT crm.sight_purposes(true))::uuid[]) OR purpose_id = ANY ((SELECT crm.sight_purposes(false))::uuid[]));

-- Who is not known has no basis. Accounts and submissions hold more ways of
-- reaching somebody than a consent names.
CREATE POLICY purpose ON ticketing_orders AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound()) OR contact_id IS NOT NULL);
CREATE POLICY purpose ON ticketing_customers AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)));
CREATE POLICY purpose ON form_submissions AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)));

CREATE POLICY purpose ON events AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR CASE subject_kind
           WHEN 'contact' THEN true -- the policy sight asks whether the contact is seen
           WHEN 'contact_point' THEN EXISTS (SELECT 1 FROM contact_points p WHERE p.tenant_id = events.tenant_id AND p.id = events.subject_id)
           WHEN 'address' THEN EXISTS (SELECT 1 FROM addresses a WHERE a.tenant_id = events.tenant_id AND a.id = events.subject_id)
           WHEN 'consent' THEN EXISTS (SELECT 1 FROM consents e WHERE e.tenant_id = events.tenant_id AND e.id = events.subject_id)
           WHEN 'order' THEN EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = events.subject_id)
           WHEN 'ticket' THEN EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = (events.facts ->> 'order_id')::uuid)
           WHEN 'ticketing_customer' THEN EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = events.tenant_id AND u.id = events.subject_id)
           ELSE false
       END);

-- What people were, who read of them and what was written to them has no purpose
-- but that for which it is kept.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['event_changes', 'access_log', 'mails', 'operations', 'preference_links', 'preference_requests', 'ticketing_records',
                             'sensitive_facts'] LOOP
        EXECUTE format('CREATE POLICY purpose ON %I AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()))', t);
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION survivor_of(uuid, uuid), keep_bases(uuid, uuid[], uuid[]), keep_bases_of_consents(), keep_bases_of_merged(),
    has_basis(uuid, uuid, text[], timestamptz), sight_bound(), sight_instant(), sight_purposes(boolean), sight_unopposed(uuid, uuid),
    sight_consented(uuid, uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION survivor_of(uuid, uuid), keep_bases(uuid, uuid[], uuid[]), has_basis(uuid, uuid, text[], timestamptz), sight_bound(),
    sight_instant(), sight_purposes(boolean), sight_unopposed(uuid, uuid), sight_consented(uuid, uuid, text[], text) TO parvis_app;
