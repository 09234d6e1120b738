-- What was told of connections held their sealed secrets and the digest of their
-- hook address: the values go, as they do when somebody is erased. The events
-- themselves stay.
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE event_changes NO FORCE ROW LEVEL SECURITY;
DELETE FROM event_changes c USING events e
WHERE e.tenant_id = c.tenant_id AND e.id = c.event_id AND e.subject_kind = 'ticketing_connection';
ALTER TABLE event_changes FORCE ROW LEVEL SECURITY;
ALTER TABLE events FORCE ROW LEVEL SECURITY;
