DROP TABLE contact_indicator_nets;
DROP INDEX contact_indicators_last_visit, contact_indicators_first_visit, contact_indicators_subscriptions, contact_indicators_missed, contact_indicators_visits,
    contact_indicators_tickets, contact_indicators_orders_last_year, contact_indicators_orders;
ALTER TABLE contact_indicators DROP COLUMN last_visit_at, DROP COLUMN subscriptions, DROP COLUMN missed_visits, DROP COLUMN visits, DROP COLUMN orders_last_year;
