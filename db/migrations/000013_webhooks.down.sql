ALTER TABLE tenants DROP COLUMN technical_contacts;
ALTER TABLE webhook_queues DROP COLUMN paced_until;
ALTER TABLE webhook_endpoints DROP COLUMN allowed_rate, DROP COLUMN verification;
