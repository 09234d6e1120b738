DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticketing_orders', 'ticketing_customers', 'ticketing_memberships', 'ticketing_gift_cards', 'ticketing_group_bookings',
                             'ticketing_decisions', 'ticketing_reviews', 'ticketing_review_candidates', 'ticketing_household_proposals'] LOOP
        EXECUTE format('ALTER POLICY sight ON %1$I USING ((SELECT crm.sight_all()) OR contact_id IS NULL
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['ticketing_moves', 'ticketing_rematches', 'contact_indicators', 'indicator_notes'] LOOP
        EXECUTE format('ALTER POLICY sight ON %1$I USING ((SELECT crm.sight_all())
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['ticketing_fees', 'ticketing_payments', 'ticketing_movements'] LOOP
        EXECUTE format('ALTER POLICY sight ON %1$I USING ((SELECT crm.sight_all())
            OR EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = %1$I.tenant_id AND o.id = %1$I.order_id))', t);
    END LOOP;
END
$$;
ALTER POLICY sight ON ticketing_lines USING ((SELECT crm.sight_all())
    OR (EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = ticketing_lines.tenant_id AND o.id = ticketing_lines.order_id)
        AND (holder_contact_id IS NULL OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = ticketing_lines.tenant_id AND c.id = ticketing_lines.holder_contact_id))));
ALTER POLICY sight ON ticketing_scans USING ((SELECT crm.sight_all()) OR ticket_id IS NULL
    OR EXISTS (SELECT 1 FROM ticketing_lines l WHERE l.tenant_id = ticketing_scans.tenant_id AND l.ticket_id = ticketing_scans.ticket_id));
ALTER POLICY sight ON ticketing_gift_card_entries USING ((SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM ticketing_gift_cards g WHERE g.tenant_id = ticketing_gift_card_entries.tenant_id AND g.id = ticketing_gift_card_entries.gift_card_id));
ALTER POLICY person ON ticketing_group_bookings USING ((SELECT crm.sight_all()) OR person_contact_id IS NULL
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = ticketing_group_bookings.tenant_id AND c.id = ticketing_group_bookings.person_contact_id));
ALTER POLICY sight_other ON ticketing_household_proposals USING ((SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = ticketing_household_proposals.tenant_id AND c.id = ticketing_household_proposals.other_id));
DROP FUNCTION gift_card_seen(uuid, uuid);
DROP FUNCTION ticket_seen(uuid, uuid);
DROP FUNCTION order_seen(uuid, uuid);
DROP FUNCTION contact_seen(uuid, uuid);
