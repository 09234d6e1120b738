-- In which departments a verb is held, and for whom, as plain expressions: the
-- planner puts them in the place of the call. With a query in its body a
-- function is planned again at each call, which cost more than the read that it
-- guards.

CREATE OR REPLACE FUNCTION sight_departments(verb text) RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(pg_catalog.translate((crm.sight() -> 'd' -> verb)::text, '[]" ', '{}')::uuid[], '{}') $$;

CREATE OR REPLACE FUNCTION sight_principals() RETURNS uuid[]
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT coalesce(pg_catalog.translate((crm.sight() -> 'p')::text, '[]" ', '{}')::uuid[], '{}') $$;

-- The purposes of a statement by their basis, and whether one of them may be
-- pursued with a contact, in the policies themselves, for the same reason. What
-- stands in an ARRAY(…) of its own is asked once a statement.
DO $$
DECLARE
    purposes_by text := 'ARRAY(SELECT p.id FROM crm.purposes p WHERE p.tenant_id = crm.current_tenant() AND p.archived_at IS NULL AND p.legal_basis %s ''consent'' '
        'AND p.code = ANY (translate((crm.sight() -> ''u'')::text, ''[]" '', ''{}'')::text[]))';
    by_consent  text := format(purposes_by, '=');
    otherwise   text := format(purposes_by, '<>');
    stands      text := 'b.standing_from <= (SELECT crm.sight_instant()) AND b.standing_until > (SELECT crm.sight_instant())';
    -- %1$s: the contact's column.
    unopposed   text := 'EXISTS (SELECT 1 FROM unnest(' || otherwise || ') AS o(id) WHERE NOT EXISTS (SELECT 1 FROM crm.contact_bases b '
        'WHERE b.tenant_id = crm.current_tenant() AND b.contact_id = %1$s AND b.purpose_id = o.id AND b.stance = ''refused'' AND ' || stands || '))';
    consented   text := 'EXISTS (SELECT 1 FROM crm.contact_bases b WHERE b.tenant_id = crm.current_tenant() AND b.contact_id = %1$s AND b.stance = ''given'' '
        'AND b.purpose_id = ANY (' || by_consent || ') AND ' || stands || '%2$s)';
BEGIN
    EXECUTE format('ALTER POLICY purpose ON contacts USING ((SELECT NOT crm.sight_bound()) OR (merged_into IS NULL AND (%s OR %s)))',
        format(consented, 'contacts.id', ''), format(unopposed, 'contacts.id'));
    EXECUTE format('ALTER POLICY purpose ON contact_points USING ((SELECT NOT crm.sight_bound()) OR %s OR %s)',
        format(consented, 'contact_points.contact_id', ' AND b.channel = ANY (CASE contact_points.kind WHEN ''email'' THEN ''{email}''::text[] '
            'WHEN ''phone'' THEN ''{phone,sms}''::text[] ELSE ''{}'' END) AND b.point_value = contact_points.normalized'),
        format(unopposed, 'contact_points.contact_id'));
    EXECUTE format('ALTER POLICY purpose ON addresses USING ((SELECT NOT crm.sight_bound()) OR %s OR %s)',
        format(consented, 'addresses.contact_id', ' AND b.channel = ''post'' AND b.point_value = crm.postal_value(addresses.delivery, addresses.building, '
            'addresses.street, addresses.locality, addresses.postal_code, addresses.city, addresses.country)'),
        format(unopposed, 'addresses.contact_id'));
    EXECUTE format('ALTER POLICY purpose ON consents USING ((SELECT NOT crm.sight_bound()) OR purpose_id = ANY (%s) OR purpose_id = ANY (%s))', by_consent, otherwise);
    EXECUTE format('ALTER POLICY purpose ON ticketing_customers USING ((SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND %s))',
        format(unopposed, 'ticketing_customers.contact_id'));
    EXECUTE format('ALTER POLICY purpose ON form_submissions USING ((SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND %s))',
        format(unopposed, 'form_submissions.contact_id'));
END
$$;
