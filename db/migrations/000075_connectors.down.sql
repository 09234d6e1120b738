DROP TABLE IF EXISTS connector_commands, connector_absences;
ALTER TABLE connector_states DROP COLUMN IF EXISTS reconciled_at, DROP COLUMN IF EXISTS reconciled_with;
