-- Contacts that changed in what orders are matched by: a worker looks again at
-- the orders of nobody, and tells of orders that a merge moved. Notes are only
-- ever added by writers, so that nobody waits for anybody.
CREATE TABLE ticketing_rematches (
    tenant_id  uuid        NOT NULL,
    contact_id uuid        NOT NULL,
    note       uuid        NOT NULL DEFAULT gen_random_uuid(),
    noted_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, contact_id, note)
);
SELECT protect('ticketing_rematches', 'SELECT, INSERT, DELETE');

-- Who lives on for a contact, as the log was last told of its orders. An order
-- keeps the contact that it was attributed to; who lives on is asked when it is
-- read, so that a merge moves its orders at once and its revert moves them back.
CREATE TABLE ticketing_moves (
    tenant_id  uuid NOT NULL,
    contact_id uuid NOT NULL,
    told_id    uuid NOT NULL,
    PRIMARY KEY (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, told_id) REFERENCES contacts (tenant_id, id)
);
SELECT protect('ticketing_moves');

DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticketing_rematches', 'ticketing_moves'] LOOP
        EXECUTE format('CREATE POLICY sight ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT crm.sight_all()) OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
        EXECUTE format('CREATE POLICY purpose ON %I AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()))', t);
    END LOOP;
END
$$;

CREATE FUNCTION note_rematch() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    IF TG_TABLE_NAME = 'contacts' THEN
        INSERT INTO ticketing_rematches (tenant_id, contact_id) VALUES (NEW.tenant_id, NEW.id);
    ELSE
        INSERT INTO ticketing_rematches (tenant_id, contact_id) VALUES (NEW.tenant_id, NEW.contact_id);
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_rematch AFTER UPDATE OF given_name, family_name, birth_name, birthdate, merged_into ON contacts
    FOR EACH ROW WHEN ((OLD.given_name, OLD.family_name, OLD.birth_name, OLD.birthdate, OLD.merged_into) IS DISTINCT FROM (NEW.given_name, NEW.family_name, NEW.birth_name, NEW.birthdate, NEW.merged_into))
    EXECUTE FUNCTION note_rematch();
-- What sales themselves brought needs no second look.
CREATE TRIGGER note_rematch AFTER INSERT OR UPDATE OF normalized ON contact_points
    FOR EACH ROW WHEN (NEW.source NOT LIKE 'ticketing:%') EXECUTE FUNCTION note_rematch();
CREATE TRIGGER note_rematch AFTER INSERT OR UPDATE OF street, postal_code ON addresses
    FOR EACH ROW WHEN (NEW.source NOT LIKE 'ticketing:%') EXECUTE FUNCTION note_rematch();

-- Institutions that have something to look at again; nothing else is told.
CREATE POLICY resolver ON ticketing_rematches FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON ticketing_rematches TO parvis_resolver;
CREATE FUNCTION tenants_with_rematches() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT t.tenant_id FROM tenants t WHERE EXISTS (SELECT 1 FROM ticketing_rematches n WHERE n.tenant_id = t.tenant_id) $$;
ALTER FUNCTION tenants_with_rematches() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION note_rematch(), tenants_with_rematches() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_rematches() TO parvis_app;
