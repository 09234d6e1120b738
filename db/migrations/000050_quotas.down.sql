DROP TABLE bulk_places;
DROP FUNCTION forget_quotas(), lease_quotas(bytea[], text[], uuid[], uuid[], integer[]);
DROP FUNCTION quota_used(double precision, timestamptz, timestamptz, integer);
DROP TABLE quota_buckets;
DROP TABLE quotas;
