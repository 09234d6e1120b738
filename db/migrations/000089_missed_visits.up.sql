-- Who came and who did not changes with entries: those of a ticket are noted by
-- its people, and when the first entry to a performance is recorded, or the last
-- one taken back, all who have a ticket for it are.
CREATE FUNCTION note_indicators_of_entries() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    WITH changed AS (
        SELECT b.tenant_id, b.id, b.ticket_id, w.entered_id AS entered_before, w.attended AS attended_before, b.entered_id, b.attended
        FROM became b JOIN was w ON w.tenant_id = b.tenant_id AND w.id = b.id
        WHERE (w.attended, w.entered_id) IS DISTINCT FROM (b.attended, b.entered_id)
    ), sides AS (
        SELECT tenant_id, entered_before AS performance_id, attended_before AS before, false AS now FROM changed WHERE entered_before IS NOT NULL
        UNION ALL
        SELECT tenant_id, entered_id, false, attended FROM changed WHERE entered_id IS NOT NULL
    ), turned AS (
        SELECT s.tenant_id, s.performance_id FROM sides s
        GROUP BY 1, 2
        HAVING bool_or(s.before) <> bool_or(s.now)
           AND NOT EXISTS (SELECT FROM ticketing_scans o WHERE o.tenant_id = s.tenant_id AND o.entered_id = s.performance_id AND o.attended
                           AND o.id NOT IN (SELECT c.id FROM changed c))
    )
    INSERT INTO indicator_notes (tenant_id, contact_id)
    SELECT DISTINCT t.tenant_id, t.contact_id FROM (
        SELECT l.tenant_id, unnest(ARRAY[o.contact_id, l.holder_contact_id]) AS contact_id
        FROM changed c
        JOIN ticketing_lines l ON l.tenant_id = c.tenant_id AND l.ticket_id = c.ticket_id
        JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        UNION ALL
        SELECT l.tenant_id, unnest(ARRAY[o.contact_id, l.holder_contact_id])
        FROM turned p
        JOIN ticketing_lines l ON l.tenant_id = p.tenant_id AND l.performance_id = p.performance_id
        JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id) t
    WHERE t.contact_id IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_indicators_updated AFTER UPDATE ON ticketing_scans REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_entries();
REVOKE ALL ON FUNCTION note_indicators_of_entries() FROM PUBLIC;

-- Everybody whose entries are known already is counted once more.
ALTER TABLE ticketing_orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_scans NO FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes NO FORCE ROW LEVEL SECURITY;
INSERT INTO indicator_notes (tenant_id, contact_id)
SELECT DISTINCT t.tenant_id, t.contact_id FROM (
    SELECT l.tenant_id, unnest(ARRAY[o.contact_id, l.holder_contact_id]) AS contact_id
    FROM (SELECT DISTINCT s.tenant_id, s.entered_id FROM ticketing_scans s WHERE s.attended AND s.entered_id IS NOT NULL) p
    JOIN ticketing_lines l ON l.tenant_id = p.tenant_id AND l.performance_id = p.entered_id
    JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id) t
WHERE t.contact_id IS NOT NULL;
ALTER TABLE ticketing_orders FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_scans FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes FORCE ROW LEVEL SECURITY;
