-- Whose data was read: by contact, in few and large pieces. A row for each
-- contact of each read touched one page of its index for each of them, which cost
-- more than the read itself.
--
-- bucket is the CRC-32 of the contact's id modulo 2048; entries are forty bytes
-- each: the contact, the time in microseconds since 1970, the read. Everything in
-- it follows from access_log.
CREATE TABLE access_log_index (
    tenant_id    uuid    NOT NULL,
    bucket       integer NOT NULL CHECK (bucket BETWEEN 0 AND 2047),
    id           uuid    NOT NULL,
    entries      bytea   NOT NULL CHECK (length(entries) % 40 = 0),
    PRIMARY KEY (tenant_id, bucket, id)
);
-- Identifiers do not get smaller.
ALTER TABLE access_log_index ALTER COLUMN entries SET STORAGE EXTERNAL;
SELECT protect('access_log_index', 'SELECT, INSERT');
-- A row of it is about many contacts, so it is read only with the program's own
-- sight, once it is known that the principal sees the contact that is asked for.
CREATE POLICY sight ON access_log_index AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT crm.sight_all()));

-- Up to where an institution's reads are in the index. Whoever writes reads holds
-- it shared, whoever moves it holds it alone.
CREATE TABLE access_log_marks (
    tenant_id    uuid        NOT NULL,
    folded_to    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id)
);
SELECT protect('access_log_marks', 'SELECT, INSERT, UPDATE');

-- Reads without a mark are looked through and folded in by and by.
DROP TABLE access_log_subjects;
