CREATE OR REPLACE FUNCTION event_changes_seen(t sight_terms, tenant uuid, event uuid) RETURNS boolean
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
DROP FUNCTION former_contacts(uuid, uuid, timestamptz);
