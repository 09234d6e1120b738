-- What is still used of a quota some time later. A part taken while the quota was
-- greater counts no more than the whole of a smaller one: who has had theirs
-- lowered waits a minute at most, and not until the greater part has leaked away.
CREATE OR REPLACE FUNCTION quota_used(used double precision, at timestamptz, later timestamptz, capacity integer) RETURNS double precision
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT greatest(0, least(used, capacity) - capacity / 60.0 * greatest(0, extract(epoch FROM later - at)::double precision)) $$;
