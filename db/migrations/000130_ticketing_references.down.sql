DROP TABLE ticketing_mappings;
DROP TABLE ticketing_vocabularies;
DROP TABLE ticketing_references;
ALTER TABLE ticketing_venues DROP COLUMN set_references, DROP COLUMN stated_references;
ALTER TABLE ticketing_performances DROP COLUMN set_references, DROP COLUMN stated_references;
ALTER TABLE ticketing_productions DROP COLUMN set_references, DROP COLUMN stated_references;
