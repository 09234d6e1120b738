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

DROP FUNCTION redeemed_by(uuid, uuid, uuid, uuid);
ALTER TABLE ticketing_lines DROP COLUMN voucher_id;
DROP TABLE ticketing_vouchers;
ALTER TABLE ticketing_records NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_counts NO FORCE ROW LEVEL SECURITY;
DELETE FROM ticketing_records WHERE kind = 'voucher';
DELETE FROM ticketing_counts WHERE kind = 'voucher';
ALTER TABLE ticketing_counts FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_records FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_counts DROP CONSTRAINT ticketing_counts_kind_check;
ALTER TABLE ticketing_counts
    ADD CONSTRAINT ticketing_counts_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order',
        'venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking')) NOT VALID;
ALTER TABLE ticketing_counts VALIDATE CONSTRAINT ticketing_counts_kind_check;
ALTER TABLE ticketing_records DROP CONSTRAINT ticketing_records_kind_check;
ALTER TABLE ticketing_records
    ADD CONSTRAINT ticketing_records_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order', 'ticket',
        'venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking')) NOT VALID;
ALTER TABLE ticketing_records VALIDATE CONSTRAINT ticketing_records_kind_check;
