DROP TRIGGER guard_contact ON contacts;
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contact_points', 'addresses', 'contact_external_ids', 'contact_tags', 'consents', 'contact_departments'] LOOP
        EXECUTE format('DROP TRIGGER guard_contact_part ON %I', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['contacts', 'contact_external_ids', 'contact_tags', 'contact_search', 'contact_departments', 'consents',
        'ticketing_customers', 'ticketing_orders', 'form_submissions', 'contact_points', 'addresses', 'ticketing_lines', 'ticketing_fees',
        'ticketing_payments', 'ticketing_movements', 'events', 'event_changes', 'access_log_subjects'] LOOP
        EXECUTE format('DROP POLICY sight ON %I', t);
    END LOOP;
END
$$;
DROP TABLE contact_departments;
DROP FUNCTION guard_contact(), guard_contact_part(), refuse_verb(text), event_contact(text, uuid, jsonb), may(text, uuid, uuid), keep_contact_departments();
ALTER TABLE contacts DROP CONSTRAINT contacts_owner, DROP CONSTRAINT contacts_viewers_of_restricted,
    DROP COLUMN restricted, DROP COLUMN viewer_ids, DROP COLUMN department_ids, DROP COLUMN owner_id;
DROP FUNCTION sight_principals(), sight_anywhere(text), sight_departments(text), sight_everywhere(text), sight(), sight_all();
