-- How many records of each kind a source has sent, kept beside them: counting
-- them anew would read a whole season to answer one request. Tickets are left
-- out, as nobody asks for their number.
CREATE TABLE ticketing_counts (
    tenant_id uuid   NOT NULL,
    source_id uuid   NOT NULL,
    kind      text   NOT NULL CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order')),
    described bigint NOT NULL DEFAULT 0 CHECK (described >= 0),
    stubs     bigint NOT NULL DEFAULT 0 CHECK (stubs >= 0),
    deleted   bigint NOT NULL DEFAULT 0 CHECK (deleted >= 0),
    PRIMARY KEY (tenant_id, source_id, kind),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
-- The owner may be subject to row-level security, and sees what is there only
-- without it. The lock also keeps writers from changing what is being counted.
ALTER TABLE ticketing_records NO FORCE ROW LEVEL SECURITY;
INSERT INTO ticketing_counts (tenant_id, source_id, kind, described, stubs, deleted)
SELECT tenant_id, source_id, kind, count(*) FILTER (WHERE NOT stub AND NOT deleted), count(*) FILTER (WHERE stub AND NOT deleted), count(*) FILTER (WHERE deleted)
FROM ticketing_records WHERE kind <> 'ticket'
GROUP BY tenant_id, source_id, kind;
ALTER TABLE ticketing_records FORCE ROW LEVEL SECURITY;
SELECT protect('ticketing_counts', 'SELECT, INSERT, UPDATE');

-- The order in which performances are listed: the earliest first, the undated last.
CREATE INDEX ticketing_performances_listed ON ticketing_performances (tenant_id, (coalesce(starts_at, 'infinity'::timestamptz)), id);
