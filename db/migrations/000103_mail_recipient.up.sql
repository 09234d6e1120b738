-- Mails to somebody who is erased are found by the address.
CREATE INDEX CONCURRENTLY mails_recipient ON crm.mails (tenant_id, recipient);
