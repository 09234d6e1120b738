DROP FUNCTION IF EXISTS resolve_connector_hook(bytea), connectors_due(integer), tenants_with_connectors();
DROP TABLE IF EXISTS connector_dead_letters, connector_deliveries, connector_messages, connector_fetches, connector_streams, connector_states, connector_connections;
