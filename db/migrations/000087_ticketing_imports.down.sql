DROP TABLE ticketing_import_results;
