-- Days of grace are days of the calendar where the membership is valid: ten days
-- after a midnight end at a midnight, also where the clocks change in between,
-- which makes one of them an hour longer or shorter. The function without a time
-- zone stays for programs that were started before.
CREATE FUNCTION membership_status(stated text, cancelled_at timestamptz, absent_at timestamptz, valid_from timestamptz, valid_until timestamptz,
    usage_limit integer, usages integer, grace_days integer, renewed_from timestamptz, instant timestamptz, time_zone text) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT CASE
        WHEN cancelled_at <= instant OR (stated = 'cancelled' AND cancelled_at IS NULL) OR absent_at <= instant THEN 'cancelled'
        WHEN valid_until <= instant AND renewed_from <= instant THEN 'renewed'
        WHEN (valid_until AT TIME ZONE time_zone + make_interval(days => grace_days)) AT TIME ZONE time_zone <= instant THEN 'expired'
        WHEN stated = 'pending' OR valid_from > instant THEN 'pending'
        WHEN stated = 'suspended' THEN 'suspended'
        WHEN valid_until <= instant THEN 'grace'
        WHEN usages >= usage_limit THEN 'used_up'
        ELSE 'active'
    END
    $$;
REVOKE ALL ON FUNCTION membership_status(text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, integer, timestamptz, timestamptz, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION membership_status(text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, integer, timestamptz, timestamptz, text) TO parvis_app;
