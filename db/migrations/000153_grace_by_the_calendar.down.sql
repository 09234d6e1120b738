DROP FUNCTION membership_status(text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, integer, timestamptz, timestamptz, text);
