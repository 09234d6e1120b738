-- Whose sales one sees, asked in functions: in the place of the call, the
-- policies of contacts were planned anew for every table that a statement about
-- sales joins, and a batch of records spent most of its time there. A statement
-- of whoever sees everything never calls them.

CREATE FUNCTION contact_seen(tenant uuid, contact uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$ BEGIN RETURN EXISTS (SELECT FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact); END $$;

CREATE FUNCTION order_seen(tenant uuid, ordered uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$ BEGIN RETURN EXISTS (SELECT FROM ticketing_orders o WHERE o.tenant_id = tenant AND o.id = ordered); END $$;

CREATE FUNCTION ticket_seen(tenant uuid, ticket uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$ BEGIN RETURN EXISTS (SELECT FROM ticketing_lines l WHERE l.tenant_id = tenant AND l.ticket_id = ticket); END $$;

CREATE FUNCTION gift_card_seen(tenant uuid, card uuid) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$ BEGIN RETURN EXISTS (SELECT FROM ticketing_gift_cards g WHERE g.tenant_id = tenant AND g.id = card); END $$;

REVOKE ALL ON FUNCTION contact_seen(uuid, uuid), order_seen(uuid, uuid), ticket_seen(uuid, uuid), gift_card_seen(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION contact_seen(uuid, uuid), order_seen(uuid, uuid), ticket_seen(uuid, uuid), gift_card_seen(uuid, uuid) TO parvis_app;

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticketing_orders', 'ticketing_customers', 'ticketing_memberships', 'ticketing_gift_cards', 'ticketing_group_bookings',
                             'ticketing_decisions', 'ticketing_reviews', 'ticketing_review_candidates', 'ticketing_household_proposals'] LOOP
        EXECUTE format('ALTER POLICY sight ON %I USING ((SELECT crm.sight_all()) OR contact_id IS NULL OR crm.contact_seen(tenant_id, contact_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['ticketing_moves', 'ticketing_rematches', 'contact_indicators', 'indicator_notes'] LOOP
        EXECUTE format('ALTER POLICY sight ON %I USING ((SELECT crm.sight_all()) OR crm.contact_seen(tenant_id, contact_id))', t);
    END LOOP;
    FOREACH t IN ARRAY ARRAY['ticketing_fees', 'ticketing_payments', 'ticketing_movements'] LOOP
        EXECUTE format('ALTER POLICY sight ON %I USING ((SELECT crm.sight_all()) OR crm.order_seen(tenant_id, order_id))', t);
    END LOOP;
END
$$;
ALTER POLICY sight ON ticketing_lines USING ((SELECT crm.sight_all())
    OR (crm.order_seen(tenant_id, order_id) AND (holder_contact_id IS NULL OR crm.contact_seen(tenant_id, holder_contact_id))));
ALTER POLICY sight ON ticketing_scans USING ((SELECT crm.sight_all()) OR ticket_id IS NULL OR crm.ticket_seen(tenant_id, ticket_id));
ALTER POLICY sight ON ticketing_gift_card_entries USING ((SELECT crm.sight_all()) OR crm.gift_card_seen(tenant_id, gift_card_id));
ALTER POLICY person ON ticketing_group_bookings USING ((SELECT crm.sight_all()) OR person_contact_id IS NULL OR crm.contact_seen(tenant_id, person_contact_id));
ALTER POLICY sight_other ON ticketing_household_proposals USING ((SELECT crm.sight_all()) OR crm.contact_seen(tenant_id, other_id));
ALTER POLICY purpose ON ticketing_customers USING ((SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)));
