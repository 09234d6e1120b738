DROP TABLE contact_oppositions;
DROP TABLE contact_erased_names;
DROP TABLE contact_erasure_keys;
ALTER TABLE contacts DROP COLUMN erased_at;
