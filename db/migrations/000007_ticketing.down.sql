DROP TABLE IF EXISTS ticketing_movements, ticketing_payments, ticketing_fees, ticketing_lines, ticketing_orders,
    ticketing_customers, ticketing_price_types, ticketing_performances, ticketing_productions, ticketing_records, ticketing_sources;
