ALTER TABLE role_assignments
    DROP CONSTRAINT role_assignments_break_glass_hours,
    DROP COLUMN end_noted_at;
ALTER TABLE roles DROP COLUMN break_glass;
