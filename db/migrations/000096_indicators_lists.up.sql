-- Contacts are listed by what their purchases say: each figure that a list may be
-- asked for is a column with an index in the order in which it is walked.
ALTER TABLE contact_indicators
    ADD COLUMN orders_last_year integer,
    ADD COLUMN visits           integer,
    ADD COLUMN missed_visits    integer,
    ADD COLUMN subscriptions    integer,
    ADD COLUMN last_visit_at    timestamptz;
CREATE INDEX contact_indicators_orders ON contact_indicators (tenant_id, orders, contact_id);
CREATE INDEX contact_indicators_orders_last_year ON contact_indicators (tenant_id, orders_last_year, contact_id);
CREATE INDEX contact_indicators_tickets ON contact_indicators (tenant_id, tickets, contact_id);
CREATE INDEX contact_indicators_visits ON contact_indicators (tenant_id, visits, contact_id);
CREATE INDEX contact_indicators_missed ON contact_indicators (tenant_id, missed_visits, contact_id);
CREATE INDEX contact_indicators_subscriptions ON contact_indicators (tenant_id, subscriptions, contact_id);
CREATE INDEX contact_indicators_first_visit ON contact_indicators (tenant_id, first_visit_at, contact_id);
CREATE INDEX contact_indicators_last_visit ON contact_indicators (tenant_id, last_visit_at, contact_id);

-- What a contact paid less what was paid back, one row a currency.
CREATE TABLE contact_indicator_nets (
    tenant_id           uuid   NOT NULL,
    contact_id          uuid   NOT NULL,
    currency            text   NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    net_minor           bigint NOT NULL,
    net_last_year_minor bigint NOT NULL,
    PRIMARY KEY (tenant_id, contact_id, currency),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contact_indicators (tenant_id, contact_id) ON DELETE CASCADE
);
CREATE INDEX contact_indicator_nets_net ON contact_indicator_nets (tenant_id, currency, net_minor, contact_id);
CREATE INDEX contact_indicator_nets_last_year ON contact_indicator_nets (tenant_id, currency, net_last_year_minor, contact_id);
SELECT protect('contact_indicator_nets');
CREATE POLICY sight ON contact_indicator_nets AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR crm.contact_seen(tenant_id, contact_id));

-- Everybody is counted once more, which fills them.
ALTER TABLE contact_indicators NO FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes NO FORCE ROW LEVEL SECURITY;
INSERT INTO indicator_notes (tenant_id, contact_id) SELECT tenant_id, contact_id FROM contact_indicators;
ALTER TABLE contact_indicators FORCE ROW LEVEL SECURITY;
ALTER TABLE indicator_notes FORCE ROW LEVEL SECURITY;
