-- What a policy reads of other tables is read in functions, for contacts and what
-- hangs on them too. As expressions every statement opened the tables and indexes
-- that the policies name, and made ready what they compute, also for a reader of
-- everything who never asks them: of the 91 microseconds that the read of one
-- contact took PostgreSQL, 55 went there.
--
-- What a sight says is read once a statement, in a query of its own without a
-- table, and handed to the functions. Their names are qualified instead of
-- carrying a search_path, whose setting at each call costs as much as their work.

CREATE TYPE sight_terms AS (
    see_everywhere        boolean,
    see_anywhere          boolean,
    see_in                uuid[],
    restricted_everywhere boolean,
    restricted_in         uuid[],
    principals            uuid[],
    -- only: the verb to which the statement is narrowed, if to any.
    only_verb             text,
    only_everywhere       boolean,
    only_anywhere         boolean,
    only_in               uuid[],
    reach_everywhere      boolean,
    reach_anywhere        boolean,
    reach_in              uuid[]
);

CREATE FUNCTION sight_terms() RETURNS sight_terms
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
DECLARE
    s        jsonb := crm.sight();
    d        jsonb := s -> 'd';
    i        jsonb := coalesce(s -> 'i', '[]');
    narrowed text := s ->> 'x';
    t        crm.sight_terms;
BEGIN
    t.see_everywhere := i ? 'see';
    t.see_in := coalesce(translate((d -> 'see')::text, '[]" ', '{}')::uuid[], '{}');
    t.see_anywhere := t.see_everywhere OR t.see_in <> '{}';
    t.restricted_everywhere := i ? 'see_restricted';
    t.restricted_in := coalesce(translate((d -> 'see_restricted')::text, '[]" ', '{}')::uuid[], '{}');
    t.principals := coalesce(translate((s -> 'p')::text, '[]" ', '{}')::uuid[], '{}');
    t.reach_everywhere := i ? 'see_contact_points';
    t.reach_in := coalesce(translate((d -> 'see_contact_points')::text, '[]" ', '{}')::uuid[], '{}');
    t.reach_anywhere := t.reach_everywhere OR t.reach_in <> '{}';
    IF narrowed IS NOT NULL THEN
        t.only_verb := narrowed;
        t.only_everywhere := i ? narrowed;
        t.only_in := coalesce(translate((d -> narrowed)::text, '[]" ', '{}')::uuid[], '{}');
        t.only_anywhere := t.only_everywhere OR t.only_in <> '{}';
    END IF;
    RETURN t;
END
$$;

-- Whether a statement sees a contact that is held like this. Without a sight it
-- sees none.
CREATE FUNCTION contact_sees(t sight_terms, restricted boolean, viewers uuid[], departments uuid[], acting uuid[], exporting uuid[]) RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN (NOT restricted OR t.restricted_everywhere OR departments && t.restricted_in OR viewers && t.principals)
       AND (t.see_everywhere OR (departments = '{}' AND t.see_anywhere) OR departments && t.see_in)
       AND (t.only_verb IS NULL OR t.only_everywhere OR (departments = '{}' AND t.only_anywhere)
            OR CASE t.only_verb WHEN 'export' THEN exporting && t.only_in WHEN 'act' THEN acting && t.only_in ELSE false END);
END
$$;

CREATE FUNCTION sight_narrowed() RETURNS boolean
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(crm.sight() ? 'x', false) $$;

-- The common cases first, of which each reads one thing of the sight; the terms
-- are read for what is restricted or narrowed only.
ALTER POLICY sight ON contacts USING (CASE
    WHEN (SELECT crm.sight_all()) THEN true
    WHEN restricted OR (SELECT crm.sight_narrowed())
        THEN crm.contact_sees((SELECT crm.sight_terms()), restricted, viewer_ids, department_ids, act_department_ids, export_department_ids)
    WHEN department_ids = '{}' THEN (SELECT crm.sight_anywhere('see'))
    ELSE (SELECT crm.sight_everywhere('see')) OR department_ids && (SELECT crm.sight_departments('see')) END);

CREATE OR REPLACE FUNCTION contact_seen(tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN EXISTS (SELECT FROM crm.contacts c WHERE c.tenant_id = tenant AND c.id = contact); END $$;

-- Whether a statement sees how to reach a contact.
CREATE FUNCTION contact_reached(t sight_terms, tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN EXISTS (SELECT FROM crm.contacts c WHERE c.tenant_id = tenant AND c.id = contact
        AND (t.reach_everywhere OR (c.department_ids = '{}' AND t.reach_anywhere) OR c.reach_department_ids && t.reach_in));
END
$$;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contact_points', 'addresses'] LOOP
        EXECUTE format('ALTER POLICY sight ON %I USING ((SELECT crm.sight_all()) OR crm.contact_reached((SELECT crm.sight_terms()), tenant_id, contact_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['contact_external_ids', 'contact_departments', 'contact_tags', 'consents'] LOOP
        EXECUTE format('ALTER POLICY sight ON %I USING ((SELECT crm.sight_all()) OR crm.contact_seen(tenant_id, contact_id))', t);
    END LOOP;
END
$$;
ALTER POLICY sight ON form_submissions USING ((SELECT crm.sight_all()) OR contact_id IS NULL OR crm.contact_seen(tenant_id, contact_id));
ALTER POLICY sight ON refusals USING ((SELECT crm.sight_all()) OR subject_id IS NULL OR crm.contact_seen(tenant_id, subject_id));

CREATE FUNCTION contacts_seen(tenant uuid, contacts uuid[]) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN NOT EXISTS (SELECT FROM unnest(contacts) AS s(id) WHERE NOT EXISTS (SELECT FROM crm.contacts c WHERE c.tenant_id = tenant AND c.id = s.id));
END
$$;
ALTER POLICY sight ON access_log USING ((SELECT crm.sight_all()) OR crm.contacts_seen(tenant_id, subjects));

CREATE FUNCTION event_told(tenant uuid, event uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN EXISTS (SELECT FROM crm.events e WHERE e.tenant_id = tenant AND e.id = event); END $$;
ALTER POLICY sight ON webhook_deliveries USING ((SELECT crm.sight_all()) OR kind <> 'event' OR crm.event_told(tenant_id, event_id));

-- Before and after of how to reach somebody is for who may reach them.
CREATE FUNCTION event_changes_seen(t sight_terms, tenant uuid, event uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
DECLARE
    e record;
BEGIN
    SELECT subject_kind, subject_id, facts INTO e FROM crm.events WHERE tenant_id = tenant AND id = event;
    RETURN FOUND AND (e.subject_kind NOT IN ('contact_point', 'address')
        OR coalesce(crm.contact_reached(t, tenant, crm.event_contact(e.subject_kind, e.subject_id, e.facts)), false));
END
$$;
ALTER POLICY sight ON event_changes USING ((SELECT crm.sight_all()) OR crm.event_changes_seen((SELECT crm.sight_terms()), tenant_id, event_id));

-- The purposes of a statement travel as identifiers, by what they rest on:
--
--   u  codes of the purposes to which the statement is bound; without it, to none
--   c  identifiers of those of them that rest on consent
--   o  identifiers of the others
--   t  the instant at which a legal basis has to stand
--
-- Where a consent is asked for, that it was given is asked of the ledger, whatever
-- the purpose rests on. Where none is, that none is needed is asked of the
-- register: what was named wrongly opens nothing.
CREATE TYPE purpose_terms AS (by_consent uuid[], otherwise uuid[], at timestamptz);

CREATE FUNCTION purpose_terms() RETURNS purpose_terms
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
DECLARE
    s jsonb := crm.sight();
    t crm.purpose_terms;
BEGIN
    t.at := coalesce((s ->> 't')::timestamptz, statement_timestamp());
    t.by_consent := coalesce(translate((s -> 'c')::text, '[]" ', '{}')::uuid[], '{}');
    t.otherwise := coalesce(translate((s -> 'o')::text, '[]" ', '{}')::uuid[], '{}');
    IF t.otherwise <> '{}' THEN
        SELECT coalesce(array_agg(p.id), '{}') INTO t.otherwise FROM crm.purposes p
        WHERE p.tenant_id = crm.current_tenant() AND p.id = ANY (t.otherwise) AND p.archived_at IS NULL AND p.legal_basis <> 'consent';
    END IF;
    RETURN t;
END
$$;

-- Whether some purpose that needs no consent may be pursued with a contact.
CREATE FUNCTION unopposed(t purpose_terms, tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    RETURN t.otherwise <> '{}' AND cardinality(t.otherwise) > (
        SELECT count(DISTINCT b.purpose_id) FROM crm.contact_bases b
        WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = ANY (t.otherwise) AND b.stance = 'refused'
          AND b.standing_from <= t.at AND b.standing_until > t.at);
END
$$;

-- Whether some purpose may be pursued with a contact.
CREATE FUNCTION basis_stands(t purpose_terms, tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    IF t.by_consent <> '{}' THEN
        IF EXISTS (SELECT FROM crm.contact_bases b
                   WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = ANY (t.by_consent) AND b.stance = 'given'
                     AND b.standing_from <= t.at AND b.standing_until > t.at) THEN
            RETURN true;
        END IF;
    END IF;
    IF t.otherwise <> '{}' THEN
        RETURN crm.unopposed(t, tenant, contact);
    END IF;
    RETURN false;
END
$$;

-- Whether a person may be reached here for some purpose: by consent only where
-- the consent was given.
CREATE FUNCTION reach_stands(t purpose_terms, tenant uuid, contact uuid, channels text[], value text) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
BEGIN
    IF t.by_consent <> '{}' THEN
        IF EXISTS (SELECT FROM crm.contact_bases b
                   WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = ANY (t.by_consent) AND b.stance = 'given'
                     AND b.channel = ANY (channels) AND b.point_value = value AND b.standing_from <= t.at AND b.standing_until > t.at) THEN
            RETURN true;
        END IF;
    END IF;
    IF t.otherwise <> '{}' THEN
        RETURN crm.unopposed(t, tenant, contact);
    END IF;
    RETURN false;
END
$$;

CREATE OR REPLACE FUNCTION sight_unopposed(tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN crm.unopposed(crm.purpose_terms(), tenant, contact); END $$;

-- The same question of the program, about purposes that it looked up.
DROP FUNCTION has_basis(uuid, uuid, text[], timestamptz);
CREATE FUNCTION has_basis(tenant uuid, contact uuid, by_consent uuid[], otherwise uuid[], instant timestamptz) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN crm.basis_stands(ROW(by_consent, otherwise, instant)::crm.purpose_terms, tenant, contact); END $$;

ALTER POLICY purpose ON contacts USING ((SELECT NOT crm.sight_bound())
    OR (merged_into IS NULL AND crm.basis_stands((SELECT crm.purpose_terms()), tenant_id, id)));
ALTER POLICY purpose ON contact_points USING ((SELECT NOT crm.sight_bound())
    OR crm.reach_stands((SELECT crm.purpose_terms()), tenant_id, contact_id,
        CASE kind WHEN 'email' THEN '{email}'::text[] WHEN 'phone' THEN '{phone,sms}'::text[] ELSE '{}' END, normalized));
ALTER POLICY purpose ON addresses USING ((SELECT NOT crm.sight_bound())
    OR crm.reach_stands((SELECT crm.purpose_terms()), tenant_id, contact_id, '{post}',
        crm.postal_value(delivery, building, street, locality, postal_code, city, country)));
ALTER POLICY purpose ON consents USING ((SELECT NOT crm.sight_bound())
    OR purpose_id = ANY ((SELECT (crm.purpose_terms()).by_consent)::uuid[]) OR purpose_id = ANY ((SELECT (crm.purpose_terms()).otherwise)::uuid[]));
ALTER POLICY purpose ON form_submissions USING ((SELECT NOT crm.sight_bound())
    OR (contact_id IS NOT NULL AND crm.unopposed((SELECT crm.purpose_terms()), tenant_id, contact_id)));
ALTER POLICY purpose ON ticketing_customers USING ((SELECT NOT crm.sight_bound())
    OR (contact_id IS NOT NULL AND crm.unopposed((SELECT crm.purpose_terms()), tenant_id, contact_id)));
DROP FUNCTION sight_consented(uuid, uuid, text[], text), sight_purposes(boolean);

REVOKE ALL ON FUNCTION sight_terms(), sight_narrowed(), has_basis(uuid, uuid, uuid[], uuid[], timestamptz), contact_sees(sight_terms, boolean, uuid[], uuid[], uuid[], uuid[]), contact_reached(sight_terms, uuid, uuid),
    contacts_seen(uuid, uuid[]), event_told(uuid, uuid), event_changes_seen(sight_terms, uuid, uuid), purpose_terms(), unopposed(purpose_terms, uuid, uuid),
    basis_stands(purpose_terms, uuid, uuid), reach_stands(purpose_terms, uuid, uuid, text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sight_terms(), sight_narrowed(), has_basis(uuid, uuid, uuid[], uuid[], timestamptz), contact_sees(sight_terms, boolean, uuid[], uuid[], uuid[], uuid[]), contact_reached(sight_terms, uuid, uuid),
    contacts_seen(uuid, uuid[]), event_told(uuid, uuid), event_changes_seen(sight_terms, uuid, uuid), purpose_terms(), unopposed(purpose_terms, uuid, uuid),
    basis_stands(purpose_terms, uuid, uuid), reach_stands(purpose_terms, uuid, uuid, text[], text) TO parvis_app;
