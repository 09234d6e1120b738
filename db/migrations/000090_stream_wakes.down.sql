ALTER TABLE connector_streams DROP COLUMN wakes, DROP COLUMN rewinds;
