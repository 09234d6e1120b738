-- Whom an order names besides its buyer is found when their account is forgotten.
-- By a function, since row-level security keeps an index on what is inside a
-- document from being used. Identifiers only.
CREATE INDEX ticketing_orders_payer_account_idx ON ticketing_orders (tenant_id, (payer ->> 'customer')) WHERE payer ->> 'customer' IS NOT NULL;
CREATE INDEX ticketing_lines_holder_account_idx ON ticketing_lines (tenant_id, (holder ->> 'customer')) WHERE holder ->> 'customer' IS NOT NULL;
CREATE POLICY resolver ON ticketing_orders FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON ticketing_lines FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON ticketing_orders, ticketing_lines TO parvis_resolver;
CREATE FUNCTION orders_naming(tenant uuid, source uuid, account text) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT o.id FROM ticketing_orders o
    WHERE tenant = current_tenant() AND o.tenant_id = tenant AND o.source_id = source AND o.payer ->> 'customer' = account
    UNION
    SELECT o.id FROM ticketing_lines l JOIN ticketing_orders o ON o.tenant_id = l.tenant_id AND o.id = l.order_id
    WHERE tenant = current_tenant() AND l.tenant_id = tenant AND l.holder ->> 'customer' = account AND o.source_id = source
    $$;
ALTER FUNCTION orders_naming(uuid, uuid, text) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION orders_naming(uuid, uuid, text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION orders_naming(uuid, uuid, text) TO parvis_app;
