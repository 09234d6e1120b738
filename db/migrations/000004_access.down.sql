DROP FUNCTION resolve_api_key(text), resolve_oauth_client(uuid), resolve_access_token(uuid, uuid);
DROP TABLE signing_keys, used_assertions, revoked_tokens, oauth_clients, api_keys, users, departments;
