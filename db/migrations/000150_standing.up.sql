-- What a person's answers come to stands on the row of the contact as well, with
-- from when until when it is so: a read for a purpose then compares columns of
-- the row that it reads anyway. Looked up in contact_bases, that cost PostgreSQL
-- 47 microseconds on top of 67, and compared 22 on top of 52. Outside of that
-- time, and there only, contact_bases is asked.
ALTER TABLE contacts
    -- standing_from, standing_until: when the two lists hold. Null: since ever, for ever.
    ADD COLUMN standing_from    timestamptz,
    ADD COLUMN standing_until   timestamptz,
    -- given_purposes: those for which a consent stands somewhere.
    ADD COLUMN given_purposes   uuid[] NOT NULL DEFAULT '{}',
    -- refused_purposes: those to which the person said no.
    ADD COLUMN refused_purposes uuid[] NOT NULL DEFAULT '{}';

-- keep_standing sums up contact_bases of these contacts around an instant.
CREATE FUNCTION keep_standing(tenant uuid, contacts_to_keep uuid[], instant timestamptz) RETURNS void
    LANGUAGE sql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
    WITH bases AS MATERIALIZED (
        SELECT b.contact_id, b.purpose_id, b.stance, b.standing_from, b.standing_until FROM contact_bases b
        WHERE b.tenant_id = tenant AND b.contact_id = ANY (contacts_to_keep)
    ), bounds AS (
        SELECT e.contact_id, max(e.at) FILTER (WHERE e.at <= instant) AS since, min(e.at) FILTER (WHERE e.at > instant) AS until
        FROM (SELECT contact_id, standing_from AS at FROM bases UNION ALL SELECT contact_id, standing_until FROM bases) e
        WHERE isfinite(e.at) GROUP BY e.contact_id
    ), standing AS (
        SELECT contact_id, coalesce(array_agg(DISTINCT purpose_id) FILTER (WHERE stance = 'given'), '{}') AS given,
               coalesce(array_agg(DISTINCT purpose_id) FILTER (WHERE stance = 'refused'), '{}') AS refused
        FROM bases WHERE standing_from <= instant AND standing_until > instant GROUP BY contact_id
    ), kept AS (
        SELECT k.id, b.since, b.until, coalesce(s.given, '{}') AS given, coalesce(s.refused, '{}') AS refused
        FROM (SELECT DISTINCT unnest(contacts_to_keep) AS id) k LEFT JOIN bounds b ON b.contact_id = k.id LEFT JOIN standing s ON s.contact_id = k.id
    )
    UPDATE contacts c SET standing_from = k.since, standing_until = k.until, given_purposes = k.given, refused_purposes = k.refused
    FROM kept k
    WHERE c.tenant_id = tenant AND c.id = k.id
      AND (c.standing_from, c.standing_until, c.given_purposes, c.refused_purposes) IS DISTINCT FROM (k.since, k.until, k.given, k.refused)
    $$;

CREATE FUNCTION keep_standing_of_bases() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT c.tenant_id, array_agg(DISTINCT c.contact_id) AS contacts FROM changed c GROUP BY c.tenant_id LOOP
        PERFORM keep_standing(r.tenant_id, r.contacts, clock_timestamp());
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER keep_standing_of_added AFTER INSERT ON contact_bases REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_standing_of_bases();
CREATE TRIGGER keep_standing_of_removed AFTER DELETE ON contact_bases REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION keep_standing_of_bases();

-- What stands already. The migrating role may own the tables without seeing
-- their rows, so their walls are lifted for the length of this transaction.
ALTER TABLE contacts NO FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_bases NO FORCE ROW LEVEL SECURITY;
DO $$
DECLARE
    r record;
BEGIN
    FOR r IN SELECT b.tenant_id, array_agg(DISTINCT b.contact_id) AS contacts FROM contact_bases b GROUP BY b.tenant_id LOOP
        PERFORM keep_standing(r.tenant_id, r.contacts, clock_timestamp());
    END LOOP;
END
$$;
ALTER TABLE contacts FORCE ROW LEVEL SECURITY;
ALTER TABLE contact_bases FORCE ROW LEVEL SECURITY;

-- Identifiers that a sight carries under a key.
CREATE FUNCTION sight_identifiers(key text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(translate((crm.sight() -> key)::text, '[]" ', '{}')::uuid[], '{}') $$;

-- The purposes of a statement that rest on another basis than consent.
CREATE FUNCTION purposes_otherwise() RETURNS uuid[]
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    AS $$ BEGIN RETURN (crm.purpose_terms()).otherwise; END $$;

-- An expression, since a call costs more than what it compares; each of its
-- subqueries costs a microsecond even where it is not asked.
ALTER POLICY purpose ON contacts USING ((SELECT NOT crm.sight_bound())
    OR (merged_into IS NULL AND CASE
        WHEN tstzrange(standing_from, standing_until) @> (SELECT crm.sight_instant())
        THEN given_purposes && (SELECT crm.sight_identifiers('c')) OR NOT refused_purposes @> (SELECT crm.purposes_otherwise())
        ELSE crm.basis_stands(crm.purpose_terms(), tenant_id, id) END));

REVOKE ALL ON FUNCTION keep_standing(uuid, uuid[], timestamptz), keep_standing_of_bases(), sight_identifiers(text), purposes_otherwise() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION keep_standing(uuid, uuid[], timestamptz), sight_identifiers(text), purposes_otherwise() TO parvis_app;
