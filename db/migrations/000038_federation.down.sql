DROP FUNCTION identity_provider_is_ambiguous(uuid, text, text, text, text);
DROP FUNCTION resolve_identity_providers(text);
DROP TABLE identity_provider_users;
DROP TABLE identity_providers;
