DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['contacts', 'contact_points', 'addresses', 'consents', 'ticketing_orders', 'ticketing_customers', 'form_submissions', 'events',
                             'event_changes', 'access_log', 'mails', 'operations', 'preference_links', 'preference_requests', 'ticketing_records',
                             'sensitive_facts'] LOOP
        EXECUTE format('DROP POLICY purpose ON %I', t);
    END LOOP;
END
$$;
DROP TRIGGER keep_bases ON consents;
DROP TRIGGER keep_bases ON contacts;
DROP FUNCTION sight_consented(uuid, uuid, text[], text), sight_unopposed(uuid, uuid), sight_purposes(boolean), sight_instant(), sight_bound(),
    has_basis(uuid, uuid, text[], timestamptz), keep_bases_of_merged(), keep_bases_of_consents(), keep_bases(uuid, uuid[], uuid[]), survivor_of(uuid, uuid);
DROP TABLE contact_bases;
