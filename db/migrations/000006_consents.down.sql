DROP FUNCTION consent_states(uuid, uuid, timestamptz);
DROP FUNCTION postal_value(text, text, text, text, text, text, text);
DROP TABLE consents;
DROP TABLE consent_wordings;
DROP TABLE purposes;
