DROP INDEX CONCURRENTLY crm.events_administrative;
