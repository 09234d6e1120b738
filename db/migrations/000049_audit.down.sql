CREATE TABLE access_log_subjects (
    tenant_id    uuid        NOT NULL,
    subject_id   uuid        NOT NULL,
    occurred_at  timestamptz NOT NULL,
    read_id      uuid        NOT NULL,
    PRIMARY KEY (tenant_id, subject_id, occurred_at, read_id)
);
INSERT INTO access_log_subjects (tenant_id, subject_id, occurred_at, read_id)
SELECT l.tenant_id, s, l.occurred_at, l.id FROM access_log l, unnest(l.subjects) s
ON CONFLICT DO NOTHING;
SELECT protect('access_log_subjects', 'SELECT, INSERT');
CREATE POLICY sight ON access_log_subjects AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = access_log_subjects.tenant_id AND c.id = access_log_subjects.subject_id));
DROP TABLE access_log_index, access_log_marks;
