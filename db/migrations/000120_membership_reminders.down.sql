ALTER TABLE ticketing_memberships DROP COLUMN reminded_days, DROP COLUMN reminded_until;
ALTER TABLE ticketing_products DROP COLUMN reminder_days;
ALTER TABLE ticketing_sources DROP COLUMN reminder_days;
