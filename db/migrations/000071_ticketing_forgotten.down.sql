ALTER TABLE ticketing_records DROP COLUMN anonymized_at;
DROP TABLE ticketing_forgotten;
