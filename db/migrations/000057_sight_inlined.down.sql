CREATE OR REPLACE FUNCTION sight_departments(verb text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((SELECT array_agg(e.v::uuid) FROM jsonb_array_elements_text(crm.sight() -> 'd' -> verb) AS e(v)), '{}') $$;

CREATE OR REPLACE FUNCTION sight_principals() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((SELECT array_agg(e.v::uuid) FROM jsonb_array_elements_text(crm.sight() -> 'p') AS e(v)), '{}') $$;
