DROP FUNCTION erase_consents(uuid, uuid[]);
REVOKE ALL ON consents FROM parvis_resolver;
DROP POLICY resolver ON consents;
DROP POLICY resolver ON contacts;
REVOKE ALL ON contacts FROM parvis_resolver;
CREATE OR REPLACE FUNCTION keep_bases(tenant uuid, contacts_to_keep uuid[], purposes_to_keep uuid[]) RETURNS void
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    -- One writer at a time; what it waited for, the next statement sees.
    PERFORM 1 FROM contacts c WHERE c.tenant_id = tenant AND c.id = ANY (contacts_to_keep) ORDER BY c.id FOR NO KEY UPDATE;
    DELETE FROM contact_bases b
    WHERE b.tenant_id = tenant AND b.contact_id = ANY (contacts_to_keep) AND (purposes_to_keep IS NULL OR b.purpose_id = ANY (purposes_to_keep));
    INSERT INTO contact_bases (tenant_id, contact_id, purpose_id, stance, channel, point_value, standing_from, standing_until)
    WITH RECURSIVE persons AS (
        SELECT c.id AS survivor, c.id FROM contacts c WHERE c.tenant_id = tenant AND c.id = ANY (contacts_to_keep) AND c.merged_into IS NULL
        UNION
        SELECT p.survivor, c.id FROM contacts c JOIN persons p ON c.tenant_id = tenant AND c.merged_into = p.id
    ), entries AS (
        SELECT p.survivor, e.id, e.purpose_id, e.channel, e.point_value, e.action, e.occurred_at, e.expires_at,
               CASE e.action WHEN 'withdrawn' THEN 5 WHEN 'refused' THEN 4 WHEN 'expired' THEN 3 ELSE 1 END AS strictness
        FROM persons p JOIN consents e ON e.tenant_id = tenant AND e.contact_id = p.id
        WHERE e.controller = '' AND e.action <> 'pending' AND (purposes_to_keep IS NULL OR e.purpose_id = ANY (purposes_to_keep))
    ), subjects AS (
        SELECT DISTINCT survivor, purpose_id, channel, point_value FROM entries
    ), said AS (
        SELECT s.survivor, s.purpose_id, s.channel, coalesce(s.point_value, '') AS about, e.action, e.occurred_at AS standing_from,
               least(coalesce(lead(e.occurred_at) OVER line, 'infinity'), CASE WHEN e.action = 'given' THEN e.expires_at END) AS standing_until
        FROM subjects s
        JOIN entries e ON e.survivor = s.survivor AND e.purpose_id = s.purpose_id AND e.channel = s.channel
             AND (e.point_value IS NULL OR e.point_value = s.point_value)
        WINDOW line AS (PARTITION BY s.survivor, s.purpose_id, s.channel, s.point_value ORDER BY e.occurred_at, e.strictness, e.id)
    )
    SELECT tenant, survivor, purpose_id, CASE action WHEN 'given' THEN 'given' ELSE 'refused' END, channel, about, standing_from, standing_until
    FROM said WHERE action IN ('given', 'withdrawn', 'refused') AND standing_from < standing_until;
END
$$;
