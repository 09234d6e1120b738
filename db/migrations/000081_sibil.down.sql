DROP TABLE sibil_declarations, sibil_submission_items, sibil_submissions, sibil_quarters, sibil_settings;
