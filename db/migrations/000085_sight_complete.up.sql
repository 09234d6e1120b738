-- What was refused about a record names it: only who sees that contact reads it.
-- Records of other kinds and records that never were are withheld alike, so that
-- nothing tells them from a contact that is hidden.
CREATE POLICY sight ON refusals AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR subject_id IS NULL
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = refusals.tenant_id AND c.id = refusals.subject_id));

-- Whether an event is about what one sees, and, for a credential that is held to
-- purposes, about something that has a basis. In functions of their own, each
-- statement of which is planned when it is first needed: as expressions in the
-- policies, with the policies of eight tables inside them, they took a tenth of a
-- second to plan wherever a statement names this table, also for whoever sees
-- everything.
CREATE FUNCTION event_seen(tenant uuid, kind text, subject uuid, facts jsonb) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$
DECLARE
    contact uuid := event_contact(kind, subject, facts);
    named   uuid;
BEGIN
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

CREATE FUNCTION event_has_basis(tenant uuid, kind text, subject uuid, facts jsonb) RETURNS boolean
    LANGUAGE plpgsql STABLE PARALLEL SAFE SET search_path = crm, pg_temp
    AS $$
BEGIN
    CASE kind
        WHEN 'contact' THEN
            RETURN true; -- the policy sight asks whether the contact is seen
        WHEN 'contact_point' THEN
            RETURN EXISTS (SELECT FROM contact_points p WHERE p.tenant_id = tenant AND p.id = subject);
        WHEN 'address' THEN
            RETURN EXISTS (SELECT FROM addresses a WHERE a.tenant_id = tenant AND a.id = subject);
        WHEN 'consent' THEN
            RETURN EXISTS (SELECT FROM consents e WHERE e.tenant_id = tenant AND e.id = subject);
        WHEN 'order' THEN
            RETURN EXISTS (SELECT FROM ticketing_orders o WHERE o.tenant_id = tenant AND o.id = subject);
        WHEN 'ticket' THEN
            RETURN EXISTS (SELECT FROM ticketing_orders o WHERE o.tenant_id = tenant AND o.id = (facts ->> 'order_id')::uuid);
        WHEN 'ticketing_customer' THEN
            RETURN EXISTS (SELECT FROM ticketing_customers u WHERE u.tenant_id = tenant AND u.id = subject);
        WHEN 'membership' THEN
            RETURN EXISTS (SELECT FROM ticketing_memberships m WHERE m.tenant_id = tenant AND m.id = subject);
        WHEN 'gift_card' THEN
            RETURN EXISTS (SELECT FROM ticketing_gift_cards g WHERE g.tenant_id = tenant AND g.id = subject);
        WHEN 'group_booking' THEN
            RETURN EXISTS (SELECT FROM ticketing_group_bookings b WHERE b.tenant_id = tenant AND b.id = subject);
        ELSE
            RETURN false;
    END CASE;
END
$$;

REVOKE ALL ON FUNCTION event_seen(uuid, text, uuid, jsonb), event_has_basis(uuid, text, uuid, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION event_seen(uuid, text, uuid, jsonb), event_has_basis(uuid, text, uuid, jsonb) TO parvis_app;

ALTER POLICY sight ON events USING ((SELECT crm.sight_all()) OR crm.event_seen(tenant_id, subject_kind, subject_id, facts));
ALTER POLICY purpose ON events USING ((SELECT NOT crm.sight_bound()) OR crm.event_has_basis(tenant_id, subject_kind, subject_id, facts));
