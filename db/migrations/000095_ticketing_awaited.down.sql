CREATE INDEX ticketing_orders_unnamed ON ticketing_orders (tenant_id, lower(buyer ->> 'family_name')) WHERE contact_id IS NULL AND buyer IS NOT NULL;
CREATE INDEX ticketing_orders_unclaimed ON ticketing_orders (tenant_id, lower(buyer ->> 'email')) WHERE contact_id IS NULL AND buyer IS NOT NULL;
DROP TABLE ticketing_awaited;
