CREATE OR REPLACE FUNCTION note_indicators_of_productions() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    INSERT INTO indicator_notes (tenant_id, contact_id)
    SELECT DISTINCT tenant_id, contact_id FROM (
        SELECT l.tenant_id, unnest(ARRAY[o.contact_id, l.holder_contact_id]) AS contact_id
        FROM became b
        JOIN was w ON w.tenant_id = b.tenant_id AND w.id = b.id
        JOIN ticketing_performances p ON p.tenant_id = b.tenant_id AND p.production_id = b.id
        JOIN ticketing_lines l ON l.tenant_id = p.tenant_id AND l.performance_id = p.id
        JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE (w.discipline, w.season) IS DISTINCT FROM (b.discipline, b.season)) t
    WHERE contact_id IS NOT NULL;
    RETURN NULL;
END
$$;
