-- Codes that were given out: promotion codes and invitations. What the source
-- says of one is replaced by each of its descriptions; whom it was issued to, for
-- which campaign and by which command is the institution's, and no source
-- touches it.
ALTER TABLE ticketing_records DROP CONSTRAINT ticketing_records_kind_check;
ALTER TABLE ticketing_records
    ADD CONSTRAINT ticketing_records_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order', 'ticket',
        'venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking', 'voucher')) NOT VALID;
ALTER TABLE ticketing_records VALIDATE CONSTRAINT ticketing_records_kind_check;
ALTER TABLE ticketing_counts DROP CONSTRAINT ticketing_counts_kind_check;
ALTER TABLE ticketing_counts
    ADD CONSTRAINT ticketing_counts_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order',
        'venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking', 'voucher')) NOT VALID;
ALTER TABLE ticketing_counts VALIDATE CONSTRAINT ticketing_counts_kind_check;

CREATE TABLE ticketing_vouchers (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    source_id       uuid        NOT NULL,
    external_id     text        COLLATE "C" NOT NULL,
    code            text        COLLATE "C" CHECK (length(code) BETWEEN 1 AND 120),
    stated_kind     text        CHECK (stated_kind IN ('discount', 'invitation')),
    stated_campaign text        CHECK (length(stated_campaign) <= 120),
    stated_state    text        CHECK (stated_state IN ('active', 'cancelled')),
    performance_id  uuid,
    max_uses        integer     CHECK (max_uses >= 0),
    uses            integer     CHECK (uses >= 0),
    valid_until     timestamptz,
    issued_at       timestamptz,
    -- What the institution knows of its issue.
    issue_kind      text        CHECK (issue_kind IN ('discount', 'invitation')),
    issue_campaign  text        CHECK (length(issue_campaign) <= 120),
    contact_id      uuid,
    command_id      uuid,
    -- The one that counts of both campaigns, to be found by.
    campaign        text        COLLATE "C",
    stub            boolean     NOT NULL DEFAULT true,
    deleted         boolean     NOT NULL DEFAULT false,
    version         bigint      NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, performance_id) REFERENCES ticketing_performances (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ticketing_vouchers_contact ON ticketing_vouchers (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_vouchers_code ON ticketing_vouchers (tenant_id, code) WHERE code IS NOT NULL;
CREATE INDEX ticketing_vouchers_campaign ON ticketing_vouchers (tenant_id, campaign) WHERE campaign IS NOT NULL;
SELECT protect('ticketing_vouchers', 'SELECT, INSERT, UPDATE');
CREATE POLICY sight ON ticketing_vouchers AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR contact_id IS NULL OR crm.contact_seen(tenant_id, contact_id));
CREATE POLICY purpose ON ticketing_vouchers AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)));

-- A line names the offer it was bought with by its code, or, where its source
-- gives no code with a sale, by the offer's name there.
ALTER TABLE ticketing_lines
    ADD COLUMN voucher_id uuid,
    ADD FOREIGN KEY (tenant_id, voucher_id) REFERENCES ticketing_vouchers (tenant_id, id);
CREATE INDEX ticketing_lines_offer ON ticketing_lines (tenant_id, voucher_id) WHERE voucher_id IS NOT NULL;

-- Who used an offer that was issued to somebody: whoever bought or holds the
-- ticket is the same person, somebody else, or nobody who is known.
CREATE FUNCTION redeemed_by(tenant uuid, issued_to uuid, buyer uuid, holder uuid) RETURNS text
    LANGUAGE sql STABLE
    AS $$
    SELECT CASE
        WHEN issued_to IS NULL OR coalesce(buyer, holder) IS NULL THEN 'unknown'
        WHEN issued_to IN (buyer, holder) THEN 'issued_to'
        WHEN crm.survivor_of(tenant, issued_to) IN (crm.survivor_of(tenant, buyer), crm.survivor_of(tenant, holder)) THEN 'issued_to'
        ELSE 'other'
    END
    $$;
REVOKE ALL ON FUNCTION redeemed_by(uuid, uuid, uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION redeemed_by(uuid, uuid, uuid, uuid) TO parvis_app;

-- What is told of a code is for who sees whom it was issued to.
CREATE OR REPLACE FUNCTION event_seen(tenant uuid, kind text, subject uuid, facts jsonb) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$
DECLARE
    contact uuid := event_contact(kind, subject, facts);
    named   uuid;
BEGIN
    IF kind = 'ticketing_record' THEN
        -- Under whichever name: of a record of somebody, what its own kind is asked.
        IF facts ->> 'kind' IS NULL OR facts ->> 'kind' IN ('ticket', 'ticketing_record') THEN
            RETURN false;
        END IF;
        RETURN event_seen(tenant, CASE facts ->> 'kind' WHEN 'customer' THEN 'ticketing_customer' ELSE facts ->> 'kind' END, subject, facts);
    END IF;
    IF contact IS NOT NULL THEN
        IF NOT EXISTS (SELECT FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'order' THEN
        IF NOT EXISTS (SELECT FROM ticketing_orders o WHERE o.tenant_id = tenant AND o.id = subject) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'ticket' THEN
        IF facts ->> 'order_id' IS NULL THEN
            RETURN false;
        END IF;
    ELSIF kind = 'ticketing_customer' THEN
        IF NOT EXISTS (SELECT FROM ticketing_customers u WHERE u.tenant_id = tenant AND u.id = subject) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'membership' THEN
        IF NOT EXISTS (SELECT FROM ticketing_memberships m WHERE m.tenant_id = tenant AND m.id = subject) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'gift_card' THEN
        IF NOT EXISTS (SELECT FROM ticketing_gift_cards g WHERE g.tenant_id = tenant AND g.id = subject) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'scan' THEN
        IF NOT EXISTS (SELECT FROM ticketing_scans s WHERE s.tenant_id = tenant AND s.id = subject) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'voucher' THEN
        IF NOT EXISTS (SELECT FROM ticketing_vouchers v WHERE v.tenant_id = tenant AND v.id = subject) THEN
            RETURN false;
        END IF;
    ELSIF kind = 'group_booking' THEN
        IF NOT EXISTS (SELECT FROM ticketing_group_bookings b WHERE b.tenant_id = tenant AND b.id = subject) THEN
            RETURN false;
        END IF;
    END IF;
    -- What else it names is to be seen too.
    named := (facts ->> 'previous_contact_id')::uuid;
    IF named IS NOT NULL AND NOT EXISTS (SELECT FROM contacts c WHERE c.tenant_id = tenant AND c.id = named) THEN
        RETURN false;
    END IF;
    named := (facts ->> 'order_id')::uuid;
    IF named IS NOT NULL AND NOT EXISTS (SELECT FROM ticketing_orders o WHERE o.tenant_id = tenant AND o.id = named) THEN
        RETURN false;
    END IF;
    named := (facts ->> 'previous_order_id')::uuid;
    RETURN named IS NULL OR EXISTS (SELECT FROM ticketing_orders o WHERE o.tenant_id = tenant AND o.id = named);
END
$$;
