-- Who bought something, or whom a ticket is for, may be known only later: when
-- they buy for the first time, are met as somebody's guest, or give an address.
-- Under each of these names somebody is awaited by an order: the buyer of an
-- order of nobody, or the unknown holder of one of its tickets. The names are as
-- the register of contacts has them, in columns of their own: the row-level
-- security of a table keeps an index over an expression from being used.
CREATE TABLE ticketing_awaited (
    tenant_id uuid    NOT NULL,
    -- kind: email, phone, account (source and name), or name as contacts are sorted.
    kind      text    NOT NULL CHECK (kind IN ('email', 'phone', 'account', 'name')),
    key       text    COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 1 AND 600),
    order_id  uuid    NOT NULL,
    of_nobody boolean NOT NULL,
    PRIMARY KEY (tenant_id, kind, key, order_id, of_nobody),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id)
);
CREATE INDEX ticketing_awaited_order ON ticketing_awaited (tenant_id, order_id);
SELECT protect('ticketing_awaited', 'SELECT, INSERT, DELETE');
CREATE POLICY sight ON ticketing_awaited AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR crm.order_seen(tenant_id, order_id));
CREATE POLICY purpose ON ticketing_awaited AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()));

-- What is here already, as far as it can be named without the program.
ALTER TABLE ticketing_orders NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_awaited NO FORCE ROW LEVEL SECURITY;
INSERT INTO ticketing_awaited (tenant_id, kind, key, order_id, of_nobody)
SELECT tenant_id, 'email', lower(buyer ->> 'email'), id, true FROM ticketing_orders
WHERE contact_id IS NULL AND length(buyer ->> 'email') BETWEEN 1 AND 600 AND NOT test AND NOT stub AND NOT deleted
UNION
SELECT tenant_id, 'name', lower(buyer ->> 'family_name') || ' ' || lower(buyer ->> 'given_name'), id, true FROM ticketing_orders
WHERE contact_id IS NULL AND length((buyer ->> 'family_name') || (buyer ->> 'given_name')) BETWEEN 1 AND 500 AND NOT test AND NOT stub AND NOT deleted
UNION
SELECT tenant_id, 'email', lower(holder ->> 'email'), order_id, false FROM ticketing_lines
WHERE holder_rule = 'unknown' AND current AND length(holder ->> 'email') BETWEEN 1 AND 600;
ALTER TABLE ticketing_orders FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_lines FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_awaited FORCE ROW LEVEL SECURITY;

DROP INDEX ticketing_orders_unclaimed, ticketing_orders_unnamed;
