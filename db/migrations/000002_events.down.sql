DROP FUNCTION active_tenants();
DROP FUNCTION tenants_with_queued_events();
DROP TABLE access_log_subjects, access_log, event_consumers, event_heads, event_sequence, event_queue, event_changes, events;
