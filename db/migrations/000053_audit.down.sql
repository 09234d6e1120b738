DROP FUNCTION erase_read_reasons(uuid, uuid[]);
DROP FUNCTION purge_audit(uuid, text, bigint, bigint, bytea, bigint, timestamptz, timestamptz, bytea, bytea);
DROP FUNCTION tenants_with_unsealed();
DROP POLICY resolver ON access_log;
DROP POLICY resolver ON access_log_index;
REVOKE ALL ON access_log, access_log_index FROM parvis_resolver;
REVOKE UPDATE (reason, reason_digest) ON access_log FROM parvis_resolver;
DROP TABLE audit_retentions, audit_unsealed, audit_gaps, audit_batches;
ALTER TABLE access_log DROP COLUMN reason_digest;
