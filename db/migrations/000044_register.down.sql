DROP TABLE processing_activity_purposes;
DROP TABLE processing_activities;
