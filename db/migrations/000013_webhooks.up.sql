-- Another way for a receiver to agree, at a rate of its choice, and who is told
-- when one fails.

ALTER TABLE webhook_endpoints
    -- verification: event: a signed event answered with success; options: the
    -- handshake of CloudEvents' HTTP 1.1 Web Hooks for Event Delivery, §4.
    ADD COLUMN verification text NOT NULL DEFAULT 'event' CHECK (verification IN ('event', 'options')),
    -- allowed_rate: requests a minute that the receiver granted; null: no limit.
    ADD COLUMN allowed_rate integer CHECK (allowed_rate > 0);

-- paced_until: when the next request may go to a receiver with a rate, kept
-- while nobody holds the lease.
ALTER TABLE webhook_queues ADD COLUMN paced_until timestamptz;

-- technical_contacts are told of what stops working between the institution and
-- its partners.
ALTER TABLE tenants ADD COLUMN technical_contacts text[] NOT NULL DEFAULT '{}' CHECK (cardinality(technical_contacts) <= 10);
