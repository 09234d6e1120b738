-- Policies and functions as they were.

ALTER POLICY sight ON contacts USING (( SELECT sight_all() AS sight_all) OR (NOT restricted OR ( SELECT sight_everywhere('see_restricted'::text) AS sight_everywhere) OR department_ids && (( SELECT sight_departments('see_restricted'::text) AS sight_departments)) OR viewer_ids && (( SELECT sight_principals() AS sight_principals))) AND (( SELECT sight_everywhere('see'::text) AS sight_everywhere) OR department_ids = '{}'::uuid[] AND ( SELECT sight_anywhere('see'::text) AS sight_anywhere) OR department_ids && (( SELECT sight_departments('see'::text) AS sight_departments))) AND ((( SELECT sight_for() AS sight_for)) IS NULL OR ( SELECT sight_everywhere(sight_for()) AS sight_everywhere) OR department_ids = '{}'::uuid[] AND ( SELECT sight_anywhere(sight_for()) AS sight_anywhere) OR
CASE ( SELECT sight_for() AS sight_for)
    WHEN 'export'::text THEN export_department_ids && (( SELECT sight_departments('export'::text) AS sight_departments))
    WHEN 'act'::text THEN act_department_ids && (( SELECT sight_departments('act'::text) AS sight_departments))
    ELSE false
END));
ALTER POLICY purpose ON contacts USING (( SELECT NOT sight_bound()) OR merged_into IS NULL AND ((EXISTS ( SELECT 1
   FROM contact_bases b
  WHERE b.tenant_id = current_tenant() AND b.contact_id = contacts.id AND b.stance = 'given'::text AND (b.purpose_id = ANY ((ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis = 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))))) AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant)))) OR (EXISTS ( SELECT 1
   FROM unnest(ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis <> 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))) o(id)
  WHERE NOT (EXISTS ( SELECT 1
           FROM contact_bases b
          WHERE b.tenant_id = current_tenant() AND b.contact_id = contacts.id AND b.purpose_id = o.id AND b.stance = 'refused'::text AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant))))))));
ALTER POLICY sight ON contact_points USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = contact_points.tenant_id AND c.id = contact_points.contact_id AND (( SELECT sight_everywhere('see_contact_points'::text) AS sight_everywhere) OR c.department_ids = '{}'::uuid[] AND ( SELECT sight_anywhere('see_contact_points'::text) AS sight_anywhere) OR c.reach_department_ids && (( SELECT sight_departments('see_contact_points'::text) AS sight_departments))))));
ALTER POLICY purpose ON contact_points USING (( SELECT NOT sight_bound()) OR (EXISTS ( SELECT 1
   FROM contact_bases b
  WHERE b.tenant_id = current_tenant() AND b.contact_id = contact_points.contact_id AND b.stance = 'given'::text AND (b.purpose_id = ANY ((ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis = 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))))) AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant)) AND (b.channel = ANY (
        CASE contact_points.kind
            WHEN 'email'::text THEN '{email}'::text[]
            WHEN 'phone'::text THEN '{phone,sms}'::text[]
            ELSE '{}'::text[]
        END)) AND b.point_value = contact_points.normalized)) OR (EXISTS ( SELECT 1
   FROM unnest(ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis <> 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))) o(id)
  WHERE NOT (EXISTS ( SELECT 1
           FROM contact_bases b
          WHERE b.tenant_id = current_tenant() AND b.contact_id = contact_points.contact_id AND b.purpose_id = o.id AND b.stance = 'refused'::text AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant)))))));
ALTER POLICY sight ON addresses USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = addresses.tenant_id AND c.id = addresses.contact_id AND (( SELECT sight_everywhere('see_contact_points'::text) AS sight_everywhere) OR c.department_ids = '{}'::uuid[] AND ( SELECT sight_anywhere('see_contact_points'::text) AS sight_anywhere) OR c.reach_department_ids && (( SELECT sight_departments('see_contact_points'::text) AS sight_departments))))));
ALTER POLICY purpose ON addresses USING (( SELECT NOT sight_bound()) OR (EXISTS ( SELECT 1
   FROM contact_bases b
  WHERE b.tenant_id = current_tenant() AND b.contact_id = addresses.contact_id AND b.stance = 'given'::text AND (b.purpose_id = ANY ((ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis = 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))))) AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant)) AND b.channel = 'post'::text AND b.point_value = postal_value(addresses.delivery, addresses.building, addresses.street, addresses.locality, addresses.postal_code, addresses.city, addresses.country))) OR (EXISTS ( SELECT 1
   FROM unnest(ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis <> 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))) o(id)
  WHERE NOT (EXISTS ( SELECT 1
           FROM contact_bases b
          WHERE b.tenant_id = current_tenant() AND b.contact_id = addresses.contact_id AND b.purpose_id = o.id AND b.stance = 'refused'::text AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant)))))));
ALTER POLICY sight ON consents USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = consents.tenant_id AND c.id = consents.contact_id)));
ALTER POLICY purpose ON consents USING (( SELECT NOT sight_bound()) OR (purpose_id = ANY ((ARRAY( SELECT p.id
   FROM purposes p
  WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis = 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))))) OR (purpose_id = ANY ((ARRAY( SELECT p.id
   FROM purposes p
  WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis <> 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))))));
ALTER POLICY sight ON form_submissions USING (( SELECT sight_all() AS sight_all) OR contact_id IS NULL OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = form_submissions.tenant_id AND c.id = form_submissions.contact_id)));
ALTER POLICY purpose ON form_submissions USING (( SELECT NOT sight_bound()) OR contact_id IS NOT NULL AND (EXISTS ( SELECT 1
   FROM unnest(ARRAY( SELECT p.id
           FROM purposes p
          WHERE p.tenant_id = current_tenant() AND p.archived_at IS NULL AND p.legal_basis <> 'consent'::text AND (p.code = ANY (translate((sight() -> 'u'::text)::text, '[]" '::text, '{}'::text)::text[])))) o(id)
  WHERE NOT (EXISTS ( SELECT 1
           FROM contact_bases b
          WHERE b.tenant_id = current_tenant() AND b.contact_id = form_submissions.contact_id AND b.purpose_id = o.id AND b.stance = 'refused'::text AND b.standing_from <= (( SELECT sight_instant() AS sight_instant)) AND b.standing_until > (( SELECT sight_instant() AS sight_instant)))))));
ALTER POLICY sight ON contact_external_ids USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = contact_external_ids.tenant_id AND c.id = contact_external_ids.contact_id)));
ALTER POLICY sight ON contact_departments USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = contact_departments.tenant_id AND c.id = contact_departments.contact_id)));
ALTER POLICY sight ON contact_tags USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = contact_tags.tenant_id AND c.id = contact_tags.contact_id)));
ALTER POLICY sight ON refusals USING (( SELECT sight_all() AS sight_all) OR subject_id IS NULL OR (EXISTS ( SELECT 1
   FROM contacts c
  WHERE c.tenant_id = refusals.tenant_id AND c.id = refusals.subject_id)));
ALTER POLICY sight ON access_log USING (( SELECT sight_all() AS sight_all) OR NOT (EXISTS ( SELECT 1
   FROM unnest(access_log.subjects) s(id)
  WHERE NOT (EXISTS ( SELECT 1
           FROM contacts c
          WHERE c.tenant_id = access_log.tenant_id AND c.id = s.id)))));
ALTER POLICY sight ON webhook_deliveries USING (( SELECT sight_all() AS sight_all) OR kind <> 'event'::text OR (EXISTS ( SELECT 1
   FROM events e
  WHERE e.tenant_id = webhook_deliveries.tenant_id AND e.id = webhook_deliveries.event_id)));
ALTER POLICY sight ON event_changes USING (( SELECT sight_all() AS sight_all) OR (EXISTS ( SELECT 1
   FROM events e
  WHERE e.tenant_id = event_changes.tenant_id AND e.id = event_changes.event_id AND ((e.subject_kind <> ALL (ARRAY['contact_point'::text, 'address'::text])) OR (EXISTS ( SELECT 1
           FROM contacts c
          WHERE c.tenant_id = e.tenant_id AND c.id = event_contact(e.subject_kind, e.subject_id, e.facts) AND (( SELECT sight_everywhere('see_contact_points'::text) AS sight_everywhere) OR c.department_ids = '{}'::uuid[] AND ( SELECT sight_anywhere('see_contact_points'::text) AS sight_anywhere) OR c.reach_department_ids && (( SELECT sight_departments('see_contact_points'::text) AS sight_departments)))))))));
ALTER POLICY purpose ON ticketing_customers USING (( SELECT NOT crm.sight_bound()) OR contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id));

DROP FUNCTION has_basis(uuid, uuid, uuid[], uuid[], timestamptz), reach_stands(purpose_terms, uuid, uuid, text[], text), basis_stands(purpose_terms, uuid, uuid),
    unopposed(purpose_terms, uuid, uuid), purpose_terms(), event_changes_seen(sight_terms, uuid, uuid), event_told(uuid, uuid), contacts_seen(uuid, uuid[]),
    contact_reached(sight_terms, uuid, uuid), contact_sees(sight_terms, boolean, uuid[], uuid[], uuid[], uuid[]), sight_terms(), sight_narrowed();
DROP TYPE purpose_terms, sight_terms;

CREATE OR REPLACE FUNCTION contact_seen(tenant uuid, contact uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE PARALLEL SAFE
 SET search_path TO 'crm', 'pg_temp'
AS $function$ BEGIN RETURN EXISTS (SELECT FROM contacts c WHERE c.tenant_id = tenant AND c.id = contact); END $function$
;

CREATE OR REPLACE FUNCTION sight_purposes(by_consent boolean)
 RETURNS uuid[]
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'crm', 'pg_temp'
AS $function$
BEGIN
    RETURN (SELECT coalesce(array_agg(p.id), '{}') FROM purposes p
    WHERE sight_bound() AND p.tenant_id = current_tenant() AND p.archived_at IS NULL AND (p.legal_basis = 'consent') = by_consent
      AND p.code IN (SELECT jsonb_array_elements_text(sight() -> 'u')));
END
    $function$
;

CREATE OR REPLACE FUNCTION sight_unopposed(tenant uuid, contact uuid)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'crm', 'pg_temp'
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM unnest(sight_purposes(false)) AS o(id)
        WHERE NOT EXISTS (SELECT 1 FROM contact_bases b
                          WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = o.id AND b.stance = 'refused'
                            AND b.standing_from <= sight_instant() AND b.standing_until > sight_instant()));
END
    $function$
;

CREATE OR REPLACE FUNCTION sight_consented(tenant uuid, contact uuid, channels text[], value text)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'crm', 'pg_temp'
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM contact_bases b
        WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = ANY (sight_purposes(true)) AND b.stance = 'given'
          AND b.channel = ANY (channels) AND b.point_value = value
          AND b.standing_from <= sight_instant() AND b.standing_until > sight_instant());
END
    $function$
;

CREATE OR REPLACE FUNCTION has_basis(tenant uuid, contact uuid, codes text[], instant timestamp with time zone)
 RETURNS boolean
 LANGUAGE plpgsql
 STABLE
 SET search_path TO 'crm', 'pg_temp'
AS $function$
BEGIN
    RETURN EXISTS (
        SELECT 1 FROM purposes p
        WHERE p.tenant_id = tenant AND p.code = ANY (codes) AND p.archived_at IS NULL
          AND CASE WHEN p.legal_basis = 'consent' THEN EXISTS (
                  SELECT 1 FROM contact_bases b
                  WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = p.id AND b.stance = 'given'
                    AND b.standing_from <= instant AND b.standing_until > instant)
              ELSE NOT EXISTS (
                  SELECT 1 FROM contact_bases b
                  WHERE b.tenant_id = tenant AND b.contact_id = contact AND b.purpose_id = p.id AND b.stance = 'refused'
                    AND b.standing_from <= instant AND b.standing_until > instant) END);
END
    $function$
;

REVOKE ALL ON FUNCTION sight_purposes(boolean), sight_consented(uuid, uuid, text[], text), has_basis(uuid, uuid, text[], timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION sight_purposes(boolean), sight_consented(uuid, uuid, text[], text), has_basis(uuid, uuid, text[], timestamptz) TO parvis_app;
