DROP FUNCTION tenants_with_ended_preference_links(timestamptz);
DROP FUNCTION tenants_with_preference_requests(timestamptz);
DROP FUNCTION resolve_institution(uuid);
DROP FUNCTION resolve_preference_link(bytea);
DROP TABLE preference_requests;
DROP TABLE preference_links;
