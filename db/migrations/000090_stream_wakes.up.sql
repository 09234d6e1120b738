-- How often a stream was called for, and put back: what comes while it is being
-- read is not taken for done by the end of that reading.
ALTER TABLE connector_streams ADD COLUMN wakes bigint NOT NULL DEFAULT 0, ADD COLUMN rewinds bigint NOT NULL DEFAULT 0;
