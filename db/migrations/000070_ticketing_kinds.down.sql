DROP POLICY purpose ON events;
CREATE POLICY purpose ON events AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR CASE subject_kind
           WHEN 'contact' THEN true
           WHEN 'contact_point' THEN EXISTS (SELECT 1 FROM contact_points p WHERE p.tenant_id = events.tenant_id AND p.id = events.subject_id)
           WHEN 'address' THEN EXISTS (SELECT 1 FROM addresses a WHERE a.tenant_id = events.tenant_id AND a.id = events.subject_id)
           WHEN 'consent' THEN EXISTS (SELECT 1 FROM consents e WHERE e.tenant_id = events.tenant_id AND e.id = events.subject_id)
           WHEN 'order' THEN EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = events.subject_id)
           WHEN 'ticket' THEN EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = (events.facts ->> 'order_id')::uuid)
           WHEN 'ticketing_customer' THEN EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = events.tenant_id AND u.id = events.subject_id)
           ELSE false
       END);
DROP POLICY sight ON events;
CREATE POLICY sight ON events AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR (CASE
            WHEN crm.event_contact(subject_kind, subject_id, facts) IS NOT NULL THEN
                EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = events.tenant_id AND c.id = crm.event_contact(events.subject_kind, events.subject_id, events.facts))
            WHEN subject_kind = 'order' THEN
                EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = events.subject_id)
            WHEN subject_kind = 'ticket' THEN
                EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = (events.facts ->> 'order_id')::uuid)
            WHEN subject_kind = 'ticketing_customer' THEN
                EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = events.tenant_id AND u.id = events.subject_id)
            ELSE true
        END
        AND (facts ->> 'previous_contact_id' IS NULL
             OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = events.tenant_id AND c.id = (events.facts ->> 'previous_contact_id')::uuid))));

DROP TABLE ticketing_group_bookings;
DROP TABLE ticketing_scans;
DROP TABLE ticketing_gift_card_entries;
DROP TABLE ticketing_gift_cards;
DROP FUNCTION membership_status(text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, integer, timestamptz, timestamptz);
DROP TABLE ticketing_memberships;
ALTER TABLE ticketing_lines DROP COLUMN campaign, DROP COLUMN voucher_code, DROP COLUMN exemption, DROP COLUMN product_id;
DROP TABLE ticketing_products;
ALTER TABLE ticketing_orders DROP COLUMN anonymized_at, DROP COLUMN cancellation_reason, DROP COLUMN stated_state;
ALTER TABLE ticketing_customers DROP COLUMN anonymized_at, DROP COLUMN consents;
ALTER TABLE ticketing_price_types DROP COLUMN class_origin, DROP COLUMN stated_class;
ALTER TABLE ticketing_performances DROP COLUMN stated_status, DROP COLUMN replaces_id, DROP COLUMN young_audience, DROP COLUMN sibil_domain, DROP COLUMN admission_at, DROP COLUMN venue_id;
ALTER TABLE ticketing_productions DROP COLUMN young_audience, DROP COLUMN sibil_domain, DROP COLUMN festival;
DROP TABLE ticketing_venues;
ALTER TABLE ticketing_sources DROP COLUMN renewal_days, DROP COLUMN grace_days, DROP COLUMN field_policies, DROP COLUMN campaign_codes, DROP COLUMN price_classes, DROP COLUMN purpose_codes;
DROP INDEX ticketing_records_missing;
ALTER TABLE ticketing_records NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_counts NO FORCE ROW LEVEL SECURITY;
DELETE FROM ticketing_records WHERE kind IN ('venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking');
DELETE FROM ticketing_counts WHERE kind IN ('venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking');
ALTER TABLE ticketing_counts FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_records FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_records DROP COLUMN absent_as_of, DROP COLUMN missing_since, DROP COLUMN absences;
ALTER TABLE ticketing_counts DROP CONSTRAINT ticketing_counts_kind_check;
ALTER TABLE ticketing_counts ADD CONSTRAINT ticketing_counts_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order'));
ALTER TABLE ticketing_records DROP CONSTRAINT ticketing_records_kind_check;
ALTER TABLE ticketing_records ADD CONSTRAINT ticketing_records_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order', 'ticket'));
