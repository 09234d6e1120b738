DELETE FROM audit_batches WHERE log = 'refusals';
DELETE FROM audit_gaps WHERE log = 'refusals';
DELETE FROM audit_retentions WHERE log = 'refusals';
ALTER TABLE audit_retentions DROP CONSTRAINT audit_retentions_pkey;
ALTER TABLE audit_retentions DROP COLUMN log;
ALTER TABLE audit_retentions ADD PRIMARY KEY (tenant_id, valid_from);
ALTER TABLE audit_batches DROP CONSTRAINT audit_batches_log_check;
ALTER TABLE audit_batches ADD CONSTRAINT audit_batches_log_check CHECK (log = 'reads') NOT VALID;
ALTER TABLE audit_gaps DROP CONSTRAINT audit_gaps_log_check;
ALTER TABLE audit_gaps ADD CONSTRAINT audit_gaps_log_check CHECK (log = 'reads') NOT VALID;
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
    DELETE FROM access_log l WHERE l.tenant_id = wanted_tenant AND l.id IN (
        SELECT encode(substring(b.entries FROM i * 48 + 1 FOR 16), 'hex')::uuid
        FROM audit_batches b, generate_series(0, length(b.entries) / 48 - 1) AS i
        WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number <= last);
    -- Entries of the index were folded in after their reads: what was made before
    -- the limit (its id has the time) has older ones only.
    DELETE FROM access_log_index x WHERE x.tenant_id = wanted_tenant
        AND x.id < (lpad(to_hex((extract(epoch FROM older_than) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid;
    DELETE FROM audit_batches b WHERE b.tenant_id = wanted_tenant AND b.log = wanted_log AND b.number <= last;
    INSERT INTO audit_gaps (tenant_id, log, from_number, to_number, digest, entries, cutoff, purged_at, public_key, signature)
    VALUES (wanted_tenant, wanted_log, first, last, chain, count, older_than, at, key, signed);
END
$$;
DROP TABLE refusals;
