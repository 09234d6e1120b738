DROP TABLE operations, idempotency_keys;
