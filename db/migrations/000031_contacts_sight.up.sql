-- Whose contact it is, who may see it, and what may be done with it: enforced
-- here, by the scope that travels with every statement.
--
-- app.sight is '*' for what sees and may do everything (the program's own
-- work, an administrator's credential), otherwise a JSON object:
--
--   i  verbs held in the whole institution
--   d  verb -> departments in which it is held, those below included
--   p  the principal and its teams, which a restricted contact may name
--
-- Without app.sight nobody sees anything.

CREATE FUNCTION sight_all() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(current_setting('app.sight', true) = '*', false) $$;

CREATE FUNCTION sight() RETURNS jsonb
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(nullif(current_setting('app.sight', true), ''), '*')::jsonb $$;

-- Whether a verb is held in the whole institution.
CREATE FUNCTION sight_everywhere(verb text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT crm.sight_all() OR coalesce(crm.sight() -> 'i' ? verb, false) $$;

-- In which departments a verb is held.
CREATE FUNCTION sight_departments(verb text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((SELECT array_agg(e.v::uuid) FROM jsonb_array_elements_text(crm.sight() -> 'd' -> verb) AS e(v)), '{}') $$;

-- Whether a verb is held at all, which is what a contact of no department asks.
CREATE FUNCTION sight_anywhere(verb text) RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT crm.sight_everywhere(verb) OR coalesce(jsonb_array_length(crm.sight() -> 'd' -> verb) > 0, false) $$;

CREATE FUNCTION sight_principals() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((SELECT array_agg(e.v::uuid) FROM jsonb_array_elements_text(crm.sight() -> 'p') AS e(v)), '{}') $$;

ALTER TABLE contacts
    -- restricted (accès restreint): seen only by those who may see restricted
    -- contacts, and by the principals it names.
    ADD COLUMN restricted     boolean NOT NULL DEFAULT false,
    ADD COLUMN viewer_ids     uuid[]  NOT NULL DEFAULT '{}' CHECK (cardinality(viewer_ids) <= 200),
    -- department_ids: kept by contact_departments; empty: of the whole institution.
    ADD COLUMN department_ids uuid[]  NOT NULL DEFAULT '{}',
    -- owner_id: the user who looks after the relation (référent).
    ADD COLUMN owner_id       uuid,
    ADD CONSTRAINT contacts_viewers_of_restricted CHECK (restricted OR viewer_ids = '{}'),
    ADD CONSTRAINT contacts_owner FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id);
CREATE INDEX contacts_owner_id ON contacts (tenant_id, owner_id, id) WHERE owner_id IS NOT NULL;

-- The departments that hold a contact, and what each of them may do with it.
CREATE TABLE contact_departments (
    tenant_id     uuid        NOT NULL,
    contact_id    uuid        NOT NULL,
    department_id uuid        NOT NULL,
    verbs         text[]      NOT NULL
                  CHECK (verbs <@ ARRAY['see', 'see_contact_points', 'act', 'edit', 'merge', 'delete', 'export', 'see_restricted'] AND 'see' = ANY (verbs)),
    shared_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, contact_id, department_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, department_id) REFERENCES departments (tenant_id, id)
);
CREATE INDEX contact_departments_department ON contact_departments (tenant_id, department_id, contact_id);
SELECT protect('contact_departments');

CREATE FUNCTION keep_contact_departments() RETURNS trigger
    LANGUAGE plpgsql SET search_path = crm, pg_temp
    AS $$
DECLARE
    tenant  uuid := coalesce(NEW.tenant_id, OLD.tenant_id);
    contact uuid := coalesce(NEW.contact_id, OLD.contact_id);
BEGIN
    UPDATE contacts c SET department_ids = coalesce((
        SELECT array_agg(d.department_id ORDER BY d.department_id) FROM contact_departments d
        WHERE d.tenant_id = tenant AND d.contact_id = contact), '{}')
    WHERE c.tenant_id = tenant AND c.id = contact;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_contact_departments AFTER INSERT OR DELETE ON contact_departments
    FOR EACH ROW EXECUTE FUNCTION keep_contact_departments();

-- Row-level security, the second of two walls (the program looks too). The
-- expressions in (SELECT …) are asked once a statement, not once a row.
CREATE POLICY sight ON contacts AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR ((NOT restricted OR (SELECT crm.sight_everywhere('see_restricted'))
         OR department_ids && (SELECT crm.sight_departments('see_restricted')) OR viewer_ids && (SELECT crm.sight_principals()))
        AND ((SELECT crm.sight_everywhere('see'))
             OR (department_ids = '{}' AND (SELECT crm.sight_anywhere('see')))
             OR department_ids && (SELECT crm.sight_departments('see')))));

-- What hangs on a contact is seen where the contact is.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contact_external_ids', 'contact_tags', 'contact_search', 'contact_departments', 'consents'] LOOP
        EXECUTE format('CREATE POLICY sight ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT crm.sight_all()) OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
    END LOOP;
    -- Where nobody is named, there is nobody to hide.
    FOREACH t IN ARRAY ARRAY['ticketing_customers', 'ticketing_orders', 'form_submissions'] LOOP
        EXECUTE format('CREATE POLICY sight ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT crm.sight_all()) OR contact_id IS NULL
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
    END LOOP;
END
$$;

-- may: whether the statement's principal holds a verb on a contact that it sees.
CREATE FUNCTION may(verb text, tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE sql STABLE SET search_path = crm, pg_temp
    AS $$
    SELECT sight_everywhere(verb)
        OR EXISTS (SELECT 1 FROM contact_departments d
                   WHERE d.tenant_id = tenant AND d.contact_id = contact AND verb = ANY (d.verbs)
                     AND d.department_id = ANY (sight_departments(verb)))
        OR (sight_anywhere(verb)
            AND EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact AND c.department_ids = '{}'))
    $$;

-- Ways to reach somebody ask for a verb of their own.
CREATE POLICY sight ON contact_points AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR (((SELECT crm.sight_everywhere('see_contact_points')) OR crm.may('see_contact_points', tenant_id, contact_id))
        AND EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = contact_points.tenant_id AND c.id = contact_points.contact_id)));
CREATE POLICY sight ON addresses AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR (((SELECT crm.sight_everywhere('see_contact_points')) OR crm.may('see_contact_points', tenant_id, contact_id))
        AND EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = addresses.tenant_id AND c.id = addresses.contact_id)));

-- Lines and movements follow their order.
CREATE POLICY sight ON ticketing_lines AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR (EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = ticketing_lines.tenant_id AND o.id = ticketing_lines.order_id)
        AND (holder_contact_id IS NULL
             OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = ticketing_lines.tenant_id AND c.id = ticketing_lines.holder_contact_id))));
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticketing_fees', 'ticketing_payments', 'ticketing_movements'] LOOP
        EXECUTE format('CREATE POLICY sight ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT crm.sight_all()) OR EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = %1$I.tenant_id AND o.id = %1$I.order_id))', t);
    END LOOP;
END
$$;

-- Whose data an event is about, if anybody's.
CREATE FUNCTION event_contact(subject_kind text, subject_id uuid, facts jsonb) RETURNS uuid
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT CASE WHEN subject_kind = 'contact' THEN subject_id ELSE (facts ->> 'contact_id')::uuid END $$;

CREATE POLICY sight ON events AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR (CASE
            WHEN crm.event_contact(subject_kind, subject_id, facts) IS NOT NULL THEN
                EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = events.tenant_id AND c.id = crm.event_contact(events.subject_kind, events.subject_id, events.facts))
            WHEN subject_kind = 'order' THEN
                EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = events.subject_id)
            WHEN subject_kind = 'ticket' THEN
                EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = (events.facts ->> 'order_id')::uuid)
            WHEN subject_kind = 'ticketing_customer' THEN
                EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = events.tenant_id AND u.id = events.subject_id)
            ELSE true
        END
        AND (facts ->> 'previous_contact_id' IS NULL
             OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = events.tenant_id AND c.id = (events.facts ->> 'previous_contact_id')::uuid))));
CREATE POLICY sight ON event_changes AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM events e WHERE e.tenant_id = event_changes.tenant_id AND e.id = event_changes.event_id));
CREATE POLICY sight ON access_log_subjects AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = access_log_subjects.tenant_id AND c.id = access_log_subjects.subject_id));

-- What may be done with a contact one sees. SQLSTATE PV403, the verb in the detail.
CREATE FUNCTION refuse_verb(verb text) RETURNS void
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION 'the verb % is not held on this contact', verb USING ERRCODE = 'PV403', DETAIL = verb;
END
$$;

CREATE FUNCTION guard_contact() RETURNS trigger
    LANGUAGE plpgsql SET search_path = crm, pg_temp
    AS $$
DECLARE
    verb text := 'edit';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT sight_anywhere('edit') THEN
            PERFORM refuse_verb('edit');
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.merged_into IS DISTINCT FROM OLD.merged_into THEN
        verb := 'merge';
    ELSIF NEW.archived_at IS DISTINCT FROM OLD.archived_at THEN
        verb := 'delete';
    END IF;
    IF NOT may(verb, OLD.tenant_id, OLD.id) THEN
        PERFORM refuse_verb(verb);
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER guard_contact BEFORE INSERT OR UPDATE ON contacts
    FOR EACH ROW WHEN (current_user = 'parvis_app' AND current_setting('app.sight', true) IS DISTINCT FROM '*') EXECUTE FUNCTION guard_contact();

-- guard_contact_part holds what hangs on a contact to the verb of its argument.
CREATE FUNCTION guard_contact_part() RETURNS trigger
    LANGUAGE plpgsql SET search_path = crm, pg_temp
    AS $$
DECLARE
    tenant  uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
    contact uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.contact_id ELSE NEW.contact_id END;
BEGIN
    -- A contact that this same transaction is making has no departments yet.
    IF NOT may(TG_ARGV[0], tenant, contact) THEN
        PERFORM refuse_verb(TG_ARGV[0]);
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contact_points', 'addresses', 'contact_external_ids', 'contact_tags', 'consents', 'contact_departments'] LOOP
        EXECUTE format('CREATE TRIGGER guard_contact_part BEFORE INSERT OR UPDATE OR DELETE ON %I
            FOR EACH ROW WHEN (current_user = ''parvis_app'' AND current_setting(''app.sight'', true) IS DISTINCT FROM ''*'') EXECUTE FUNCTION guard_contact_part(''edit'')', t);
    END LOOP;
END
$$;

REVOKE ALL ON FUNCTION sight_all(), sight(), sight_everywhere(text), sight_departments(text), sight_anywhere(text),
    sight_principals(), keep_contact_departments(), may(text, uuid, uuid), event_contact(text, uuid, jsonb), refuse_verb(text),
    guard_contact(), guard_contact_part() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sight_all(), sight(), sight_everywhere(text), sight_departments(text), sight_anywhere(text),
    sight_principals(), may(text, uuid, uuid), event_contact(text, uuid, jsonb), refuse_verb(text) TO parvis_app;
