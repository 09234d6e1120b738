DROP POLICY sight ON webhook_deliveries;
