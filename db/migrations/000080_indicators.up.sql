-- What a contact's purchases say of them, kept beside the purchases so that lists
-- and segments need not read a season to know. Every figure follows from the
-- orders, tickets and movements, and is counted anew for the contacts whose
-- purchases changed, and for nobody else.

-- Contacts whose figures are to be counted anew. Notes are only ever added by
-- writers, so that nobody waits for anybody; one worker an institution takes them.
CREATE TABLE indicator_notes (
    tenant_id  uuid        NOT NULL,
    contact_id uuid        NOT NULL,
    note       uuid        NOT NULL DEFAULT gen_random_uuid(),
    noted_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, contact_id, note)
);
SELECT protect('indicator_notes', 'SELECT, INSERT, DELETE');

CREATE TABLE contact_indicators (
    tenant_id      uuid        NOT NULL,
    -- contact_id: who lives on, when contacts were merged.
    contact_id     uuid        NOT NULL,
    figures        jsonb       NOT NULL,
    orders         integer     NOT NULL CHECK (orders >= 0),
    tickets        integer     NOT NULL CHECK (tickets >= 0),
    last_order_at  timestamptz,
    first_visit_at timestamptz,
    counted_at     timestamptz NOT NULL,
    -- stale_at: when time alone changes a figure, as when a performance begins.
    stale_at       timestamptz,
    PRIMARY KEY (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX contact_indicators_stale ON contact_indicators (tenant_id, stale_at) WHERE stale_at IS NOT NULL;
CREATE INDEX contact_indicators_last ON contact_indicators (tenant_id, last_order_at, contact_id);
SELECT protect('contact_indicators');
CREATE POLICY sight ON contact_indicators AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = contact_indicators.tenant_id AND c.id = contact_indicators.contact_id));
CREATE POLICY sight ON indicator_notes AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = indicator_notes.tenant_id AND c.id = indicator_notes.contact_id));

-- Whoever writes, the note sees everything of its tenant.
CREATE FUNCTION note_indicators_of_orders() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    IF TG_OP = 'UPDATE' THEN
        INSERT INTO indicator_notes (tenant_id, contact_id)
        SELECT DISTINCT tenant_id, contact_id FROM (
            SELECT tenant_id, contact_id FROM was UNION SELECT tenant_id, contact_id FROM became) o WHERE contact_id IS NOT NULL;
    ELSE
        INSERT INTO indicator_notes (tenant_id, contact_id)
        SELECT DISTINCT tenant_id, contact_id FROM became WHERE contact_id IS NOT NULL;
    END IF;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_indicators_inserted AFTER INSERT ON ticketing_orders REFERENCING NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_orders();
CREATE TRIGGER note_indicators_updated AFTER UPDATE ON ticketing_orders REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_orders();

-- Tickets are taken away and put back whenever their order changes; their buyer
-- is noted with the order, whoever holds them is noted here.
CREATE FUNCTION note_indicators_of_holders() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    INSERT INTO indicator_notes (tenant_id, contact_id)
    SELECT DISTINCT tenant_id, holder_contact_id FROM moved WHERE holder_contact_id IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_indicators_inserted AFTER INSERT ON ticketing_lines REFERENCING NEW TABLE AS moved
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_holders();
CREATE TRIGGER note_indicators_deleted AFTER DELETE ON ticketing_lines REFERENCING OLD TABLE AS moved
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_holders();

CREATE FUNCTION note_indicators_of_performances() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    INSERT INTO indicator_notes (tenant_id, contact_id)
    SELECT DISTINCT tenant_id, contact_id FROM (
        SELECT l.tenant_id, unnest(ARRAY[o.contact_id, l.holder_contact_id]) AS contact_id
        FROM became b
        JOIN was w ON w.tenant_id = b.tenant_id AND w.id = b.id
        JOIN ticketing_lines l ON l.tenant_id = b.tenant_id AND l.performance_id = b.id
        JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE (w.starts_at, w.status, w.deleted, w.production_id) IS DISTINCT FROM (b.starts_at, b.status, b.deleted, b.production_id)) t
    WHERE contact_id IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_indicators_updated AFTER UPDATE ON ticketing_performances REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_performances();

CREATE FUNCTION note_indicators_of_productions() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    INSERT INTO indicator_notes (tenant_id, contact_id)
    SELECT DISTINCT tenant_id, contact_id FROM (
        SELECT l.tenant_id, unnest(ARRAY[o.contact_id, l.holder_contact_id]) AS contact_id
        FROM became b
        JOIN was w ON w.tenant_id = b.tenant_id AND w.id = b.id
        JOIN ticketing_performances p ON p.tenant_id = b.tenant_id AND p.production_id = b.id
        JOIN ticketing_lines l ON l.tenant_id = p.tenant_id AND l.performance_id = p.id
        JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
        WHERE (w.discipline, w.season) IS DISTINCT FROM (b.discipline, b.season)) t
    WHERE contact_id IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_indicators_updated AFTER UPDATE ON ticketing_productions REFERENCING OLD TABLE AS was NEW TABLE AS became
    FOR EACH STATEMENT EXECUTE FUNCTION note_indicators_of_productions();

-- A merge moves purchases to who lives on, and taking it back moves them back.
CREATE FUNCTION note_indicators_of_merged() RETURNS trigger
    LANGUAGE plpgsql SECURITY INVOKER SET search_path = crm, pg_temp SET app.sight = '*'
    AS $$
BEGIN
    INSERT INTO indicator_notes (tenant_id, contact_id)
    SELECT NEW.tenant_id, c FROM unnest(ARRAY[NEW.id, OLD.merged_into, NEW.merged_into]) AS c WHERE c IS NOT NULL;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_indicators AFTER UPDATE OF merged_into ON contacts
    FOR EACH ROW WHEN (NEW.merged_into IS DISTINCT FROM OLD.merged_into) EXECUTE FUNCTION note_indicators_of_merged();

-- Institutions that have something to count anew; nothing else is told.
CREATE POLICY resolver ON indicator_notes FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON contact_indicators FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON indicator_notes, contact_indicators TO parvis_resolver;
CREATE FUNCTION tenants_with_indicator_work(instant timestamptz) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT t.tenant_id FROM tenants t
    WHERE EXISTS (SELECT 1 FROM indicator_notes n WHERE n.tenant_id = t.tenant_id)
       OR EXISTS (SELECT 1 FROM contact_indicators i WHERE i.tenant_id = t.tenant_id AND i.stale_at <= instant)
    $$;
ALTER FUNCTION tenants_with_indicator_work(timestamptz) OWNER TO parvis_resolver;

-- What was bought before there were figures.
ALTER TABLE ticketing_orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes NO FORCE ROW LEVEL SECURITY;
INSERT INTO indicator_notes (tenant_id, contact_id)
SELECT DISTINCT tenant_id, contact_id FROM ticketing_orders WHERE contact_id IS NOT NULL
UNION SELECT DISTINCT tenant_id, holder_contact_id FROM ticketing_lines WHERE holder_contact_id IS NOT NULL;
ALTER TABLE ticketing_orders FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes FORCE ROW LEVEL SECURITY;

REVOKE ALL ON FUNCTION note_indicators_of_orders(), note_indicators_of_holders(), note_indicators_of_performances(), note_indicators_of_productions(),
    note_indicators_of_merged(), tenants_with_indicator_work(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_indicator_work(timestamptz) TO parvis_app;
