DROP FUNCTION erase_ticketing_decisions(uuid, uuid[], uuid[]);
REVOKE ALL ON ticketing_decisions FROM parvis_resolver;
DROP POLICY resolver ON ticketing_decisions;
REVOKE DELETE ON ticketing_household_proposals FROM parvis_app;
DROP INDEX ticketing_review_candidates_contact, ticketing_reviews_subject, ticketing_reviews_contact, ticketing_decisions_contact;
DELETE FROM ticketing_forgotten WHERE kind IN ('buyer', 'ticket', 'booking_person');
ALTER TABLE ticketing_forgotten DROP CONSTRAINT ticketing_forgotten_kind_check;
ALTER TABLE ticketing_forgotten
    ADD CONSTRAINT ticketing_forgotten_kind_check CHECK (kind IN ('customer', 'order', 'membership', 'gift_card', 'group_booking'));
