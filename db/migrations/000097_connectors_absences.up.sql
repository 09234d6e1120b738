-- The comparison that last counted an absence: begun again after a crash it
-- counts nothing twice.
ALTER TABLE connector_absences ADD COLUMN comparison uuid;
