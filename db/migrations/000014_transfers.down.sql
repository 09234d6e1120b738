DROP TABLE tenant_imports;
ALTER TABLE operations DROP COLUMN attempt;
