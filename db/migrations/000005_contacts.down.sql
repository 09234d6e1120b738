DROP FUNCTION find_contacts(uuid, text[], text[], text);
DROP TABLE contact_tags, tags, contact_external_ids, addresses, contact_points, contact_search, contacts;
DROP EXTENSION btree_gin, pg_trgm;
