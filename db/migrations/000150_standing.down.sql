ALTER POLICY purpose ON contacts USING ((SELECT NOT crm.sight_bound())
    OR (merged_into IS NULL AND crm.basis_stands((SELECT crm.purpose_terms()), tenant_id, id)));
DROP FUNCTION sight_identifiers(text), purposes_otherwise();
DROP TRIGGER keep_standing_of_added ON contact_bases;
DROP TRIGGER keep_standing_of_removed ON contact_bases;
DROP FUNCTION keep_standing_of_bases();
DROP FUNCTION keep_standing(uuid, uuid[], timestamptz);
ALTER TABLE contacts DROP COLUMN standing_from, DROP COLUMN standing_until, DROP COLUMN given_purposes, DROP COLUMN refused_purposes;
