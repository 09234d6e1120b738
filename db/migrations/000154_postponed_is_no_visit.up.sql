-- A performance that was put off is no visit either: who has tickets for one is
-- counted anew.
ALTER TABLE indicator_notes NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_performances NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_orders NO FORCE ROW LEVEL SECURITY;
INSERT INTO indicator_notes (tenant_id, contact_id)
SELECT DISTINCT l.tenant_id, c.id
FROM ticketing_performances p
JOIN ticketing_lines l ON l.tenant_id = p.tenant_id AND l.performance_id = p.id
JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
CROSS JOIN LATERAL unnest(ARRAY[o.contact_id, l.holder_contact_id]) AS c (id)
WHERE p.status = 'postponed' AND c.id IS NOT NULL;
ALTER TABLE ticketing_orders FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_performances FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes FORCE ROW LEVEL SECURITY;
