DROP INDEX ticketing_performances_listed;
DROP TABLE ticketing_counts;
