ALTER TABLE access_log DROP COLUMN reason;
DROP TABLE sensitive_facts;
