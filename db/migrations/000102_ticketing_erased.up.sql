-- What an erased contact leaves at the sources: an order of which only the buyer
-- is forgotten, a ticket of which the holder is, a booking of which the contact
-- person is. Others in the same order stay.
ALTER TABLE ticketing_forgotten DROP CONSTRAINT ticketing_forgotten_kind_check;
ALTER TABLE ticketing_forgotten
    ADD CONSTRAINT ticketing_forgotten_kind_check CHECK (kind IN ('customer', 'order', 'membership', 'gift_card', 'group_booking', 'buyer', 'ticket', 'booking_person')) NOT VALID;
ALTER TABLE ticketing_forgotten VALIDATE CONSTRAINT ticketing_forgotten_kind_check;

CREATE INDEX ticketing_decisions_contact ON ticketing_decisions (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_reviews_contact ON ticketing_reviews (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_reviews_subject ON ticketing_reviews (tenant_id, subject_id);
CREATE INDEX ticketing_review_candidates_contact ON ticketing_review_candidates (tenant_id, contact_id);
GRANT DELETE ON ticketing_household_proposals TO parvis_app;

-- Decisions are only ever added. Of one that named an erased contact it stays
-- that somebody decided: the order is nobody's, and what somebody wrote as the
-- reason goes. One about a description answers no description any more.
CREATE POLICY resolver ON ticketing_decisions TO parvis_resolver USING (true) WITH CHECK (true);
GRANT SELECT ON ticketing_decisions TO parvis_resolver;
GRANT UPDATE (key, action, contact_id, reason) ON ticketing_decisions TO parvis_resolver;
CREATE FUNCTION erase_ticketing_decisions(wanted_tenant uuid, persons uuid[], sales uuid[]) RETURNS bigint
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
DECLARE
    emptied bigint;
    others  bigint;
BEGIN
    IF wanted_tenant IS DISTINCT FROM current_tenant() OR wanted_tenant IS NULL THEN
        RETURN 0;
    END IF;
    UPDATE ticketing_decisions d
    SET action = 'nobody', contact_id = NULL, reason = NULL,
        key = CASE WHEN d.scope = 'inputs' THEN encode(sha256(convert_to(d.id::text, 'UTF8')), 'hex') ELSE d.key END
    WHERE d.tenant_id = wanted_tenant AND d.contact_id = ANY (persons);
    GET DIAGNOSTICS emptied = ROW_COUNT;
    UPDATE ticketing_decisions d SET reason = NULL
    WHERE d.tenant_id = wanted_tenant AND d.order_id = ANY (sales) AND d.reason IS NOT NULL;
    GET DIAGNOSTICS others = ROW_COUNT;
    RETURN emptied + others;
END
$$;
GRANT CREATE ON SCHEMA crm TO parvis_resolver;
ALTER FUNCTION erase_ticketing_decisions(uuid, uuid[], uuid[]) OWNER TO parvis_resolver;
REVOKE CREATE ON SCHEMA crm FROM parvis_resolver;
REVOKE ALL ON FUNCTION erase_ticketing_decisions(uuid, uuid[], uuid[]) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION erase_ticketing_decisions(uuid, uuid[], uuid[]) TO parvis_app;
