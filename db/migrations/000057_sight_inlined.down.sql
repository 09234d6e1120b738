CREATE OR REPLACE FUNCTION sight_departments(verb text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((SELECT array_agg(e.v::uuid) FROM jsonb_array_elements_text(crm.sight() -> 'd' -> verb) AS e(v)), '{}') $$;

CREATE OR REPLACE FUNCTION sight_principals() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce((SELECT array_agg(e.v::uuid) FROM jsonb_array_elements_text(crm.sight() -> 'p') AS e(v)), '{}') $$;

ALTER POLICY purpose ON contacts USING (
    (SELECT NOT crm.sight_bound())
    OR (merged_into IS NULL AND (
        EXISTS (SELECT 1 FROM crm.contact_bases b
                WHERE b.tenant_id = contacts.tenant_id AND b.contact_id = contacts.id AND b.stance = 'given'
                  AND b.purpose_id = ANY ((SELECT crm.sight_purposes(true))::uuid[])
                  AND b.standing_from <= (SELECT crm.sight_instant()) AND b.standing_until > (SELECT crm.sight_instant()))
        OR EXISTS (SELECT 1 FROM unnest((SELECT crm.sight_purposes(false))) AS o(id)
                   WHERE NOT EXISTS (SELECT 1 FROM crm.contact_bases b
                                     WHERE b.tenant_id = contacts.tenant_id AND b.contact_id = contacts.id AND b.purpose_id = o.id AND b.stance = 'refused'
                                       AND b.standing_from <= (SELECT crm.sight_instant()) AND b.standing_until > (SELECT crm.sight_instant()))))));
ALTER POLICY purpose ON contact_points USING (
    (SELECT NOT crm.sight_bound())
    OR crm.sight_consented(tenant_id, contact_id, CASE kind WHEN 'email' THEN '{email}'::text[] WHEN 'phone' THEN '{phone,sms}'::text[] ELSE '{}' END, normalized)
    OR crm.sight_unopposed(tenant_id, contact_id));
ALTER POLICY purpose ON addresses USING (
    (SELECT NOT crm.sight_bound())
    OR crm.sight_consented(tenant_id, contact_id, '{post}', crm.postal_value(delivery, building, street, locality, postal_code, city, country))
    OR crm.sight_unopposed(tenant_id, contact_id));
ALTER POLICY purpose ON consents USING (
    (SELECT NOT crm.sight_bound())
    OR purpose_id = ANY ((SELECT crm.sight_purposes(true))::uuid[]) OR purpose_id = ANY ((SELECT crm.sight_purposes(false))::uuid[]));
ALTER POLICY purpose ON ticketing_customers USING (
    (SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)));
ALTER POLICY purpose ON form_submissions USING (
    (SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)));
