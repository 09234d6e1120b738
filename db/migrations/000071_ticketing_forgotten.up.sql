-- Who was forgotten, by a keyed hash of their name at the source, so that what
-- the source sends later brings nobody back (GDPR art. 17).
CREATE TABLE ticketing_forgotten (
    tenant_id     uuid        NOT NULL,
    source_id     uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('customer', 'order', 'membership', 'gift_card', 'group_booking')),
    name_hash     text        COLLATE "C" NOT NULL CHECK (length(name_hash) = 64),
    record_id     uuid        NOT NULL,
    anonymized_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id, kind, name_hash),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, record_id) REFERENCES ticketing_records (tenant_id, id)
);
SELECT protect('ticketing_forgotten', 'SELECT, INSERT');
CREATE POLICY purpose ON ticketing_forgotten AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()));
ALTER TABLE ticketing_records ADD COLUMN anonymized_at timestamptz;
