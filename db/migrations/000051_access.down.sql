DROP FUNCTION count_guess(bytea[], integer[], timestamptz);
DROP TABLE credential_guesses;
