DROP INDEX CONCURRENTLY crm.mails_recipient;
