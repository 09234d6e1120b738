DROP FUNCTION events_of_contact(uuid, uuid);
REVOKE SELECT ON events FROM parvis_resolver;
DROP POLICY resolver ON events;
DROP INDEX events_contact;
