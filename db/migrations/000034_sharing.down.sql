DROP POLICY sight ON access_log;
DROP TRIGGER guard_sharing ON contact_departments;
DROP FUNCTION guard_sharing();
CREATE TRIGGER guard_contact_part BEFORE INSERT OR UPDATE OR DELETE ON contact_departments
    FOR EACH ROW WHEN (current_setting('app.sight', true) IS DISTINCT FROM '*') EXECUTE FUNCTION guard_contact_part('edit');

CREATE OR REPLACE FUNCTION guard_contact() RETURNS trigger
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

ALTER POLICY sight ON event_changes USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM events e WHERE e.tenant_id = event_changes.tenant_id AND e.id = event_changes.event_id));
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contact_points', 'addresses'] LOOP
        EXECUTE format('ALTER POLICY sight ON %1$I USING (
            (SELECT crm.sight_all())
            OR (((SELECT crm.sight_everywhere(''see_contact_points'')) OR crm.may(''see_contact_points'', tenant_id, contact_id))
                AND EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id)))', t);
    END LOOP;
END
$$;
ALTER POLICY sight ON contacts USING (
    (SELECT crm.sight_all())
    OR ((NOT restricted OR (SELECT crm.sight_everywhere('see_restricted'))
         OR department_ids && (SELECT crm.sight_departments('see_restricted')) OR viewer_ids && (SELECT crm.sight_principals()))
        AND ((SELECT crm.sight_everywhere('see'))
             OR (department_ids = '{}' AND (SELECT crm.sight_anywhere('see')))
             OR department_ids && (SELECT crm.sight_departments('see')))));
DROP FUNCTION sight_for();

DROP TRIGGER keep_contact_departments ON contact_departments;
CREATE OR REPLACE FUNCTION keep_contact_departments() RETURNS trigger
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

ALTER TABLE contacts DROP COLUMN reach_department_ids, DROP COLUMN act_department_ids, DROP COLUMN export_department_ids;
