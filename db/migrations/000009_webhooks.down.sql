DROP FUNCTION webhook_public_keys(uuid), webhook_queues_due(integer), tenants_with_webhook_work();
DROP POLICY resolver ON event_heads;
REVOKE SELECT ON event_heads FROM parvis_resolver;
DROP TABLE webhook_deliveries, webhook_queues, webhook_keys, webhook_endpoints, webhook_cursors;
