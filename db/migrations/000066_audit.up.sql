-- What was refused: who was not known, who may not, who asked too often, who
-- asked for what they do not see. Kept beside the reads, chained and signed as
-- they are. Like requests that were refused within one writing are one entry
-- with their number, so that trying often fills no disk.
--
-- tenant_id is zero where an attempt names no institution, such as an unknown
-- key: those are the installation's, and no institution reads them.
CREATE TABLE refusals (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    occurred_at timestamptz NOT NULL,
    -- Empty where nobody proved or claimed to be anybody.
    actor_kind  text        NOT NULL CHECK (length(actor_kind) <= 40),
    actor_id    text        NOT NULL CHECK (length(actor_id) <= 128),
    -- proven: it was them; otherwise somebody said so.
    proven      boolean     NOT NULL,
    operation   text        NOT NULL CHECK (length(operation) <= 120),
    status      smallint    NOT NULL CHECK (status IN (401, 403, 404, 429)),
    code        text        NOT NULL CHECK (length(code) <= 80),
    -- rule: the scope, verb, purpose or quota that stood against it, or what was
    -- wrong with the credential.
    rule        text        NOT NULL CHECK (length(rule) <= 120),
    subject_id  uuid,
    address     text        NOT NULL CHECK (length(address) <= 45),
    request_id  text        NOT NULL CHECK (length(request_id) <= 128),
    repeated    integer     NOT NULL CHECK (repeated > 0),
    PRIMARY KEY (tenant_id, id)
);
SELECT protect('refusals', 'SELECT, INSERT');
CREATE INDEX refusals_time ON refusals (tenant_id, occurred_at, id);
CREATE INDEX refusals_subject ON refusals (tenant_id, subject_id, occurred_at) WHERE subject_id IS NOT NULL;

-- The chains of two logs lie in the same tables. The former rule said the same
-- of less, so nothing there can break the new one.
ALTER TABLE audit_batches DROP CONSTRAINT audit_batches_log_check;
ALTER TABLE audit_batches ADD CONSTRAINT audit_batches_log_check CHECK (log IN ('reads', 'refusals')) NOT VALID;
ALTER TABLE audit_gaps DROP CONSTRAINT audit_gaps_log_check;
ALTER TABLE audit_gaps ADD CONSTRAINT audit_gaps_log_check CHECK (log IN ('reads', 'refusals')) NOT VALID;

-- Each log has a retention of its own.
ALTER TABLE audit_retentions ADD COLUMN log text NOT NULL DEFAULT 'reads' CHECK (log IN ('reads', 'refusals'));
ALTER TABLE audit_retentions DROP CONSTRAINT audit_retentions_pkey;
ALTER TABLE audit_retentions ADD PRIMARY KEY (tenant_id, log, valid_from);

CREATE POLICY resolver ON refusals TO parvis_resolver USING (true);
GRANT SELECT, DELETE ON refusals TO parvis_resolver;

CREATE OR REPLACE FUNCTION purge_audit(wanted_tenant uuid, wanted_log text, first bigint, last bigint, chain bytea, count bigint,
                            older_than timestamptz, at timestamptz, key bytea, signed bytea) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
BEGIN
    IF wanted_tenant IS DISTINCT FROM current_tenant() OR wanted_tenant IS NULL THEN
        RAISE EXCEPTION 'another institution''s log' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF older_than > now() - interval '6 months' OR first <> (SELECT min(b.number) FROM audit_batches b WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log)
       OR NOT EXISTS (SELECT FROM audit_batches b WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number = last AND b.digest = chain)
       OR EXISTS (SELECT FROM audit_batches b WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number <= last AND b.newest >= older_than) THEN
        RAISE EXCEPTION 'this part of the log is to be kept' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF wanted_log = 'refusals' THEN
        DELETE FROM refusals l WHERE l.tenant_id = wanted_tenant AND l.id IN (
            SELECT encode(substring(b.entries FROM i * 48 + 1 FOR 16), 'hex')::uuid
            FROM audit_batches b, generate_series(0, length(b.entries) / 48 - 1) AS i
            WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number <= last);
    ELSE
        DELETE FROM access_log l WHERE l.tenant_id = wanted_tenant AND l.id IN (
            SELECT encode(substring(b.entries FROM i * 48 + 1 FOR 16), 'hex')::uuid
            FROM audit_batches b, generate_series(0, length(b.entries) / 48 - 1) AS i
            WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number <= last);
        -- Entries of the index were folded in after their reads: what was made before
        -- the limit (its id has the time) has older ones only.
        DELETE FROM access_log_index x WHERE x.tenant_id = wanted_tenant
            AND x.id < (lpad(to_hex((extract(epoch FROM older_than) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
    END IF;
    DELETE FROM audit_batches b WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number <= last;
    INSERT INTO audit_gaps (tenant_id, log, from_number, to_number, digest, entries, cutoff, purged_at, public_key, signature)
    VALUES (wanted_tenant, wanted_log, first, last, chain, count, older_than, at, key, signed);
END
$$;
