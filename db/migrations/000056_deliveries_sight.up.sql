-- The delivery of an event is seen where the event is: what is withheld from the
-- log is not told by its deliveries. Tests and verifications are about nobody.
CREATE POLICY sight ON webhook_deliveries AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR kind <> 'event'
    OR EXISTS (SELECT 1 FROM events e WHERE e.tenant_id = webhook_deliveries.tenant_id AND e.id = webhook_deliveries.event_id));
