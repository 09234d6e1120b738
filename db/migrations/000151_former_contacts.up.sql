-- What was said of a record while it was somebody's stays about them when it has
-- become somebody else's: the buyer of an order before and after is in the values
-- of its events. Whoever does not see them does not read these values.
--
-- Whose a record has ceased to be since an instant. Identifiers only.
CREATE FUNCTION former_contacts(tenant uuid, record uuid, since timestamptz) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT coalesce(array_agg(DISTINCT (e.facts ->> 'previous_contact_id')::uuid), '{}') FROM events e
    WHERE tenant = current_tenant() AND e.tenant_id = tenant AND e.subject_id = record AND e.occurred_at >= since
      AND e.facts ->> 'previous_contact_id' IS NOT NULL
    $$;
ALTER FUNCTION former_contacts(uuid, uuid, timestamptz) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION former_contacts(uuid, uuid, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION former_contacts(uuid, uuid, timestamptz) TO parvis_app;

CREATE OR REPLACE FUNCTION event_changes_seen(t sight_terms, tenant uuid, event uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$
DECLARE
    e record;
BEGIN
    SELECT subject_kind, subject_id, facts, occurred_at INTO e FROM crm.events WHERE tenant_id = tenant AND id = event;
    IF NOT FOUND THEN
        RETURN false;
    ELSIF e.subject_kind IN ('contact_point', 'address') THEN
        RETURN coalesce(crm.contact_reached(t, tenant, crm.event_contact(e.subject_kind, e.subject_id, e.facts)), false);
    ELSIF e.subject_kind IN ('order', 'ticketing_customer', 'membership', 'gift_card', 'group_booking', 'voucher') THEN
        RETURN crm.contacts_seen(tenant, crm.former_contacts(tenant, e.subject_id, e.occurred_at));
    END IF;
    RETURN true;
END
$$;
