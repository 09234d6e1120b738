DROP TRIGGER note_rematch ON addresses;
DROP TRIGGER note_rematch ON contact_points;
DROP TRIGGER note_rematch ON contacts;
DROP FUNCTION tenants_with_rematches();
DROP FUNCTION note_rematch();
DROP TABLE ticketing_moves;
DROP TABLE ticketing_rematches;
