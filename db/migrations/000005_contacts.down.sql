DROP TABLE contact_tags, tags, contact_external_ids, addresses, contact_points, contacts;
DROP EXTENSION pg_trgm;
