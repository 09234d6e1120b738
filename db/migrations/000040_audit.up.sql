-- The history of a contact is that of all that hangs on it, by what the facts of
-- each event name. A policy lets only leakproof operators near an index, and
-- reading JSON is not; so the ids are found as the resolver, behind the same wall
-- written out, and the events are then read under the policies of whoever asks.
CREATE INDEX events_contact ON events (((facts ->> 'contact_id')::uuid)) WHERE facts ->> 'contact_id' IS NOT NULL;

CREATE POLICY resolver ON events FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON events TO parvis_resolver;
CREATE FUNCTION events_of_contact(wanted_tenant uuid, wanted_contact uuid) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT e.id FROM events e
    WHERE wanted_tenant = current_tenant() AND e.tenant_id = wanted_tenant
      AND e.subject_id = wanted_contact AND e.subject_kind = 'contact'
    UNION ALL
    SELECT e.id FROM events e
    WHERE wanted_tenant = current_tenant() AND e.tenant_id = wanted_tenant
      AND e.facts ->> 'contact_id' IS NOT NULL AND (e.facts ->> 'contact_id')::uuid = wanted_contact
    $$;
ALTER FUNCTION events_of_contact(uuid, uuid) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION events_of_contact(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION events_of_contact(uuid, uuid) TO parvis_app;
