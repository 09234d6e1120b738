DROP FUNCTION resolve_api_key(text), resolve_oauth_client(uuid);
DROP TABLE signing_keys, revoked_tokens, oauth_clients, api_keys, users, departments;
