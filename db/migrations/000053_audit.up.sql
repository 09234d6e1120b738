-- The log of reads, chained and signed in batches. Whoever writes reads in the
-- background seals them in the same transaction, one writer of an institution
-- after the other; a read that is noted inside a request only leaves its id
-- behind, to be sealed a moment later.

CREATE TABLE audit_batches (
    tenant_id  uuid        NOT NULL,
    log        text        NOT NULL CHECK (log = 'reads'),
    number     bigint      NOT NULL CHECK (number > 0),
    sealed_at  timestamptz NOT NULL,
    -- newest: the time of its latest entry, by which it is purged.
    newest     timestamptz NOT NULL,
    -- entries: the id and the SHA-256 of each, forty-eight bytes.
    entries    bytea       NOT NULL CHECK (length(entries) % 48 = 0),
    -- digest: over the digest before it and all of the above.
    digest     bytea       NOT NULL CHECK (length(digest) = 32),
    -- Ed25519 (RFC 8032), of the installation that sealed it.
    public_key bytea       CHECK (length(public_key) = 32),
    signature  bytea       CHECK (length(signature) = 64),
    PRIMARY KEY (tenant_id, log, number)
);
ALTER TABLE audit_batches ALTER COLUMN entries SET STORAGE EXTERNAL;
SELECT protect('audit_batches', 'SELECT, INSERT');

-- What a purge leaves: which batches are gone, and the digest that the next one
-- goes on from.
CREATE TABLE audit_gaps (
    tenant_id   uuid        NOT NULL,
    log         text        NOT NULL CHECK (log = 'reads'),
    from_number bigint      NOT NULL CHECK (from_number > 0),
    to_number   bigint      NOT NULL,
    digest      bytea       NOT NULL CHECK (length(digest) = 32),
    entries     bigint      NOT NULL CHECK (entries >= 0),
    cutoff      timestamptz NOT NULL,
    purged_at   timestamptz NOT NULL,
    public_key  bytea       NOT NULL CHECK (length(public_key) = 32),
    signature   bytea       NOT NULL CHECK (length(signature) = 64),
    PRIMARY KEY (tenant_id, log, to_number),
    CHECK (to_number >= from_number)
);
SELECT protect('audit_gaps', 'SELECT, INSERT');

-- Entries that wait to be sealed.
CREATE TABLE audit_unsealed (
    tenant_id uuid NOT NULL,
    log       text NOT NULL CHECK (log = 'reads'),
    entry_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, log, entry_id)
);
SELECT protect('audit_unsealed', 'SELECT, INSERT, DELETE');
INSERT INTO audit_unsealed (tenant_id, log, entry_id) SELECT tenant_id, 'reads', id FROM access_log;

-- Erasure empties a reason and leaves its SHA-256.
ALTER TABLE access_log ADD COLUMN reason_digest bytea CHECK (length(reason_digest) = 32);

-- For how many months reads are kept, from when on. The first of the time before
-- any is twelve (CNIL, recommendation on logging measures).
CREATE TABLE audit_retentions (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    valid_from timestamptz NOT NULL,
    months     integer     NOT NULL CHECK (months BETWEEN 6 AND 36),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, valid_from)
);
SELECT protect('audit_retentions', 'SELECT, INSERT');

CREATE POLICY resolver ON access_log TO parvis_resolver USING (true);
CREATE POLICY resolver ON access_log_index TO parvis_resolver USING (true);
CREATE POLICY resolver ON audit_batches TO parvis_resolver USING (true);
CREATE POLICY resolver ON audit_gaps TO parvis_resolver USING (true) WITH CHECK (true);
CREATE POLICY resolver ON audit_unsealed FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT, DELETE ON access_log, access_log_index, audit_batches TO parvis_resolver;
GRANT UPDATE (reason, reason_digest) ON access_log TO parvis_resolver;
GRANT SELECT, INSERT ON audit_gaps TO parvis_resolver;
GRANT SELECT ON audit_unsealed TO parvis_resolver;

-- Which institutions have entries to be sealed. Ids only.
CREATE FUNCTION tenants_with_unsealed() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM audit_unsealed $$;

-- The only way in which the application takes reads away: whole batches, the
-- oldest first, older than six months, and not without a certificate.
CREATE FUNCTION purge_audit(wanted_tenant uuid, wanted_log text, first bigint, last bigint, chain bytea, count bigint,
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

-- What somebody wrote as the reason for a read may name the person who is erased.
CREATE FUNCTION erase_read_reasons(wanted_tenant uuid, reads uuid[]) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    WITH emptied AS (
        UPDATE access_log SET reason = '', reason_digest = sha256(convert_to(reason, 'UTF8'))
        WHERE tenant_id = wanted_tenant AND wanted_tenant = current_tenant() AND id = ANY (reads) AND reason <> '' AND reason_digest IS NULL
        RETURNING 1)
    SELECT count(*) FROM emptied
    $$;
ALTER FUNCTION tenants_with_unsealed() OWNER TO parvis_resolver;
ALTER FUNCTION purge_audit(uuid, text, bigint, bigint, bytea, bigint, timestamptz, timestamptz, bytea, bytea) OWNER TO parvis_resolver;
ALTER FUNCTION erase_read_reasons(uuid, uuid[]) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION tenants_with_unsealed(), purge_audit(uuid, text, bigint, bigint, bytea, bigint, timestamptz, timestamptz, bytea, bytea),
    erase_read_reasons(uuid, uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_unsealed(), purge_audit(uuid, text, bigint, bigint, bytea, bigint, timestamptz, timestamptz, bytea, bytea),
    erase_read_reasons(uuid, uuid[]) TO parvis_app;
