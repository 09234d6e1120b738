DROP TABLE tenants;
DROP FUNCTION protect(text, text);
DROP FUNCTION current_tenant();
DROP SCHEMA teleservice;
