DROP FUNCTION resolve_sign_in(bytea);
DROP TABLE sign_ins;
DROP TABLE sign_in_clients;
