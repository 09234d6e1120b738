DROP TABLE conformance_runs;
