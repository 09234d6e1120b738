-- What a department may do with a contact is kept on the contact as well, one
-- list for each verb that reads ask for: a policy then looks at the row it has
-- in its hand. Derived from contact_departments by its trigger.
ALTER TABLE contacts
    ADD COLUMN reach_department_ids  uuid[] NOT NULL DEFAULT '{}', -- see_contact_points
    ADD COLUMN act_department_ids    uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN export_department_ids uuid[] NOT NULL DEFAULT '{}';

CREATE OR REPLACE FUNCTION keep_contact_departments() RETURNS trigger
    LANGUAGE plpgsql SET search_path = crm, pg_temp
    AS $$
DECLARE
    tenant  uuid := coalesce(NEW.tenant_id, OLD.tenant_id);
    contact uuid := coalesce(NEW.contact_id, OLD.contact_id);
BEGIN
    UPDATE contacts c
    SET department_ids = h.seeing, reach_department_ids = h.reaching, act_department_ids = h.acting, export_department_ids = h.exporting
    FROM (
        SELECT coalesce(array_agg(d.department_id ORDER BY d.department_id), '{}') AS seeing,
               coalesce(array_agg(d.department_id ORDER BY d.department_id) FILTER (WHERE 'see_contact_points' = ANY (d.verbs)), '{}') AS reaching,
               coalesce(array_agg(d.department_id ORDER BY d.department_id) FILTER (WHERE 'act' = ANY (d.verbs)), '{}') AS acting,
               coalesce(array_agg(d.department_id ORDER BY d.department_id) FILTER (WHERE 'export' = ANY (d.verbs)), '{}') AS exporting
        FROM contact_departments d
        WHERE d.tenant_id = tenant AND d.contact_id = contact) h
    WHERE c.tenant_id = tenant AND c.id = contact
      AND (c.department_ids, c.reach_department_ids, c.act_department_ids, c.export_department_ids)
          IS DISTINCT FROM (h.seeing, h.reaching, h.acting, h.exporting);
    RETURN NULL;
END
$$;
DROP TRIGGER keep_contact_departments ON contact_departments;
CREATE TRIGGER keep_contact_departments AFTER INSERT OR UPDATE OR DELETE ON contact_departments
    FOR EACH ROW EXECUTE FUNCTION keep_contact_departments();

-- app.sight may name a verb under x: then only contacts with which that may be
-- done exist for the statement, as for a list that leaves as a file.
CREATE FUNCTION sight_for() RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT crm.sight() ->> 'x' $$;

ALTER POLICY sight ON contacts USING (
    (SELECT crm.sight_all())
    OR ((NOT restricted OR (SELECT crm.sight_everywhere('see_restricted'))
         OR department_ids && (SELECT crm.sight_departments('see_restricted')) OR viewer_ids && (SELECT crm.sight_principals()))
        AND ((SELECT crm.sight_everywhere('see'))
             OR (department_ids = '{}' AND (SELECT crm.sight_anywhere('see')))
             OR department_ids && (SELECT crm.sight_departments('see')))
        AND ((SELECT crm.sight_for()) IS NULL
             OR (SELECT crm.sight_everywhere(crm.sight_for()))
             OR (department_ids = '{}' AND (SELECT crm.sight_anywhere(crm.sight_for())))
             OR CASE (SELECT crm.sight_for())
                    WHEN 'export' THEN export_department_ids && (SELECT crm.sight_departments('export'))
                    WHEN 'act' THEN act_department_ids && (SELECT crm.sight_departments('act'))
                    ELSE false
                END)));

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contact_points', 'addresses'] LOOP
        EXECUTE format('ALTER POLICY sight ON %1$I USING (
            (SELECT crm.sight_all())
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id
                       AND ((SELECT crm.sight_everywhere(''see_contact_points''))
                            OR (c.department_ids = ''{}'' AND (SELECT crm.sight_anywhere(''see_contact_points'')))
                            OR c.reach_department_ids && (SELECT crm.sight_departments(''see_contact_points'')))))', t);
    END LOOP;
END
$$;

-- The values of a change to a way of reaching somebody are such a way.
ALTER POLICY sight ON event_changes USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM events e WHERE e.tenant_id = event_changes.tenant_id AND e.id = event_changes.event_id
               AND (e.subject_kind NOT IN ('contact_point', 'address')
                    OR EXISTS (SELECT 1 FROM contacts c
                               WHERE c.tenant_id = e.tenant_id AND c.id = crm.event_contact(e.subject_kind, e.subject_id, e.facts)
                                 AND ((SELECT crm.sight_everywhere('see_contact_points'))
                                      OR (c.department_ids = '{}' AND (SELECT crm.sight_anywhere('see_contact_points')))
                                      OR c.reach_department_ids && (SELECT crm.sight_departments('see_contact_points')))))));

-- A read of somebody out of sight is out of sight.
CREATE POLICY sight ON access_log AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR NOT EXISTS (SELECT 1 FROM unnest(access_log.subjects) AS s(id)
                   WHERE NOT EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = access_log.tenant_id AND c.id = s.id)));

CREATE OR REPLACE FUNCTION guard_contact() RETURNS trigger
    LANGUAGE plpgsql SET search_path = crm, pg_temp
    AS $$
DECLARE
    verb text := 'edit';
BEGIN
    IF TG_OP = 'INSERT' THEN
        IF NOT (sight_everywhere('edit') OR NEW.department_ids && sight_departments('edit')
                OR (NEW.department_ids = '{}' AND sight_anywhere('edit'))) THEN
            PERFORM refuse_verb('edit');
        END IF;
        RETURN NEW;
    END IF;
    IF pg_trigger_depth() > 1 THEN -- keep_contact_departments, which guard_sharing let through
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
    IF OLD.restricted AND NOT NEW.restricted
       AND NOT (sight_everywhere('see_restricted') OR OLD.department_ids && sight_departments('see_restricted')) THEN
        PERFORM refuse_verb('see_restricted');
    END IF;
    RETURN NEW;
END
$$;

-- guard_sharing: who edits a contact shares it, but gives no verb that it does
-- not hold on it. Taking a contact from the whole institution into a department,
-- and giving it back, asks for edit in the whole institution.
CREATE FUNCTION guard_sharing() RETURNS trigger
    LANGUAGE plpgsql SET search_path = crm, pg_temp
    AS $$
DECLARE
    tenant  uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.tenant_id ELSE NEW.tenant_id END;
    contact uuid := CASE TG_OP WHEN 'DELETE' THEN OLD.contact_id ELSE NEW.contact_id END;
    held    uuid[];
    verb    text;
BEGIN
    SELECT c.department_ids INTO held FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact;
    IF TG_OP = 'INSERT' AND NEW.department_id = ANY (held) THEN
        RETURN NEW; -- the contact is being made in this department, which guard_contact let through
    END IF;
    IF NOT may('edit', tenant, contact) OR (NOT sight_everywhere('edit')
       AND ((TG_OP = 'INSERT' AND held = '{}') OR (TG_OP = 'DELETE' AND held = ARRAY[OLD.department_id]))) THEN
        PERFORM refuse_verb('edit');
    END IF;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    FOREACH verb IN ARRAY NEW.verbs LOOP
        IF (TG_OP = 'INSERT' OR NOT verb = ANY (OLD.verbs)) AND NOT may(verb, tenant, contact) THEN
            PERFORM refuse_verb(verb);
        END IF;
    END LOOP;
    RETURN NEW;
END
$$;
DROP TRIGGER guard_contact_part ON contact_departments;
CREATE TRIGGER guard_sharing BEFORE INSERT OR UPDATE OR DELETE ON contact_departments
    FOR EACH ROW WHEN (current_user = 'parvis_app' AND current_setting('app.sight', true) IS DISTINCT FROM '*') EXECUTE FUNCTION guard_sharing();

REVOKE ALL ON FUNCTION sight_for(), guard_sharing() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sight_for() TO parvis_app;
