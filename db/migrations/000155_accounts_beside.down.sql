DROP FUNCTION orders_naming(uuid, uuid, text);
REVOKE SELECT ON ticketing_orders, ticketing_lines FROM parvis_resolver;
DROP POLICY resolver ON ticketing_lines;
DROP POLICY resolver ON ticketing_orders;
DROP INDEX ticketing_lines_holder_account_idx;
DROP INDEX ticketing_orders_payer_account_idx;
