-- Which roles may be taken in an emergency without waiting for anybody.
ALTER TABLE roles ADD COLUMN break_glass boolean NOT NULL DEFAULT false;

-- end_noted_at: when the log was told that an assignment ended by itself,
-- because its time was over or its review was not done.
ALTER TABLE role_assignments ADD COLUMN end_noted_at timestamptz;
CREATE INDEX role_assignments_ending ON role_assignments (tenant_id, expires_at)
    WHERE status = 'approved' AND end_noted_at IS NULL AND expires_at IS NOT NULL;
ALTER TABLE role_assignments
    ADD CONSTRAINT role_assignments_break_glass_hours CHECK (kind <> 'break_glass' OR expires_at <= starts_at + interval '8 hours') NOT VALID;
ALTER TABLE role_assignments VALIDATE CONSTRAINT role_assignments_break_glass_hours;
