DROP TRIGGER note_indicators_updated ON ticketing_scans;
DROP FUNCTION note_indicators_of_entries();
