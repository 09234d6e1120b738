-- Administrative events are few among those about persons and sales; an auditor
-- asks for them by kind. The condition is repeated in db/queries/audit.sql.
CREATE INDEX CONCURRENTLY events_administrative ON crm.events (occurred_at) WHERE subject_kind NOT IN ('contact', 'contact_point', 'address', 'consent', 'form_submission', 'order', 'ticket', 'refund', 'ticketing_customer');
