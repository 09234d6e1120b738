DROP TABLE read_policies;
