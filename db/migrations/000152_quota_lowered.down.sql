CREATE OR REPLACE FUNCTION quota_used(used double precision, at timestamptz, later timestamptz, capacity integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT greatest(0, used - capacity / 60.0 * greatest(0, extract(epoch FROM later - at)::double precision)) $$;
