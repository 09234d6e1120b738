ALTER TABLE connector_absences DROP COLUMN comparison;
