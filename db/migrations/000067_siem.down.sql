DROP FUNCTION siem_figures();
DROP FUNCTION siem_forwarders_due(integer);
DROP TABLE siem_forwarders;
