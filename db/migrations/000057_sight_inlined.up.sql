-- In which departments a verb is held, and for whom, as plain expressions: the
-- planner puts them in the place of the call. With a query in its body a
-- function is planned again at each call, which cost more than the read that it
-- guards.

CREATE OR REPLACE FUNCTION sight_departments(verb text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(pg_catalog.translate((crm.sight() -> 'd' -> verb)::text, '[]" ', '{}')::uuid[], '{}') $$;

CREATE OR REPLACE FUNCTION sight_principals() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(pg_catalog.translate((crm.sight() -> 'p')::text, '[]" ', '{}')::uuid[], '{}') $$;
