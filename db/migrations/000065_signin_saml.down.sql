ALTER TABLE sign_ins DROP COLUMN request_id;
DROP TABLE saml_assertions;
DROP TABLE saml_connections;
