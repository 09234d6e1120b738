-- How many days before the end of a membership it is told that it ends soon: the
-- settings of its source, or what its product says. Sources that are here already
-- have none until somebody sets them.
ALTER TABLE ticketing_sources ADD COLUMN reminder_days integer[] NOT NULL DEFAULT '{}'
    CHECK (cardinality(reminder_days) <= 10 AND array_position(reminder_days, NULL) IS NULL AND 0 < ALL (reminder_days) AND 3660 >= ALL (reminder_days));
ALTER TABLE ticketing_products ADD COLUMN reminder_days integer[]
    CHECK (cardinality(reminder_days) <= 10 AND array_position(reminder_days, NULL) IS NULL AND 0 < ALL (reminder_days) AND 3660 >= ALL (reminder_days));
-- For which end, and how many days before it, that was told last. In the row that
-- is locked to tell, so that no two processes tell the same.
ALTER TABLE ticketing_memberships
    ADD COLUMN reminded_until timestamptz,
    ADD COLUMN reminded_days  integer CHECK (reminded_days > 0);
