-- Failed attempts to prove to be a credential: of an address at one credential,
-- at a credential from anywhere, and of an address at any. subject is a keyed hash
-- of which of the three it is, so that nothing here tells an address or an id, nor
-- which ids exist. proved_at: when the credential last proved itself from the
-- address.
--
-- It is forgotten by itself and needs no log.
CREATE UNLOGGED TABLE credential_guesses (
    subject      bytea       NOT NULL PRIMARY KEY CHECK (length(subject) = 16),
    failures     integer     NOT NULL DEFAULT 0,
    last_at      timestamptz NOT NULL,
    locked_until timestamptz,
    proved_at    timestamptz
);
CREATE INDEX credential_guesses_locked ON credential_guesses (locked_until) WHERE locked_until IS NOT NULL;
CREATE INDEX credential_guesses_age ON credential_guesses (last_at);
GRANT SELECT, INSERT, UPDATE, DELETE ON credential_guesses TO parvis_app;

-- Counts one failure for each subject. Beyond those that are free the wait
-- doubles with each, from one second to a quarter of an hour; failures are
-- forgotten an hour after the last.
CREATE FUNCTION count_guess(subjects bytea[], free integer[], at timestamptz)
    RETURNS TABLE (subject bytea, locked_until timestamptz)
    LANGUAGE sql VOLATILE SET search_path = crm, pg_temp
    AS $$
    INSERT INTO credential_guesses AS g (subject, failures, last_at)
    SELECT s.subject, 1, at FROM unnest(subjects, free) AS s (subject, free) ORDER BY s.subject
    ON CONFLICT (subject) DO UPDATE SET
        failures = CASE WHEN g.last_at < at - interval '1 hour' THEN 1 ELSE g.failures + 1 END,
        last_at = at,
        locked_until = (
            SELECT CASE WHEN g.last_at >= at - interval '1 hour' AND g.failures + 1 > f.free
                        THEN at + least(900, power(2, least(g.failures - f.free, 20))) * interval '1 second' END
            FROM unnest(subjects, free) AS f (subject, free) WHERE f.subject = g.subject)
    RETURNING g.subject, g.locked_until
    $$;
REVOKE ALL ON FUNCTION count_guess(bytea[], integer[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION count_guess(bytea[], integer[], timestamptz) TO parvis_app;
