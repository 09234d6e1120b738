-- name: ClassesFor :one
-- What the activities in force list for purposes, and which of them there are.
SELECT coalesce((SELECT array_agg(DISTINCT f.class ORDER BY f.class)
                 FROM processing_activities a
                 JOIN processing_activity_purposes l ON l.tenant_id = a.tenant_id AND l.activity_id = a.id
                 JOIN purposes p ON p.tenant_id = l.tenant_id AND p.id = l.purpose_id AND p.archived_at IS NULL,
                 unnest(a.field_classes) AS f(class)
                 WHERE a.tenant_id = @tenant_id AND a.status = 'active' AND p.code = ANY(@codes::text[])), '{}')::text[] AS classes,
       coalesce((SELECT array_agg(p.code) FROM purposes p WHERE p.tenant_id = @tenant_id AND p.code = ANY(@codes::text[])), '{}')::text[] AS known;
