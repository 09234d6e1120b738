-- name: InsertRole :one
INSERT INTO roles (tenant_id, id, code, name, description, scopes, verbs, readable_classes, writable_classes, needs_approval, break_glass, longest_days, review_every_days)
VALUES (@tenant_id, @id, @code, @name, @description, @scopes, @verbs, sqlc.narg('readable_classes'), sqlc.narg('writable_classes'), @needs_approval, @break_glass, @longest_days, @review_every_days)
ON CONFLICT (tenant_id, code) DO NOTHING
RETURNING *;

-- name: GetRole :one
SELECT * FROM roles WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockRole :one
SELECT * FROM roles WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: RoleByCode :one
SELECT * FROM roles WHERE tenant_id = @tenant_id AND code = @code;

-- name: UpdateRole :one
UPDATE roles
SET code = @code, name = @name, description = @description, scopes = @scopes, verbs = @verbs, readable_classes = sqlc.narg('readable_classes'),
    writable_classes = sqlc.narg('writable_classes'), needs_approval = @needs_approval, break_glass = @break_glass, longest_days = @longest_days,
    review_every_days = @review_every_days, archived_at = @archived_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListRoles :many
SELECT * FROM roles
WHERE tenant_id = @tenant_id
  AND (@archived::text = 'true' OR (archived_at IS NOT NULL) = (@archived::text = 'only'))
  AND (sqlc.narg('after')::uuid IS NULL OR id < sqlc.narg('after'))
ORDER BY id DESC
LIMIT @page_size;

-- name: InsertTeam :one
INSERT INTO teams (tenant_id, id, code, name, department_id, external_id)
VALUES (@tenant_id, @id, @code, @name, @department_id, @external_id)
ON CONFLICT (tenant_id, code) DO NOTHING
RETURNING *;

-- name: GetTeam :one
SELECT * FROM teams WHERE tenant_id = @tenant_id AND id = @id;

-- name: LockTeam :one
SELECT * FROM teams WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: TeamIDByCode :one
SELECT id FROM teams WHERE tenant_id = @tenant_id AND code = @code;

-- name: UpdateTeam :one
UPDATE teams
SET code = @code, name = @name, department_id = @department_id, external_id = @external_id, archived_at = @archived_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ListTeams :many
SELECT t.* FROM teams t
WHERE t.tenant_id = @tenant_id
  AND (@archived::text = 'true' OR (t.archived_at IS NOT NULL) = (@archived::text = 'only'))
  AND (sqlc.narg('user_id')::uuid IS NULL OR EXISTS (
      SELECT 1 FROM team_members m WHERE m.tenant_id = t.tenant_id AND m.team_id = t.id AND m.user_id = sqlc.narg('user_id')))
  AND (sqlc.narg('after')::uuid IS NULL OR t.id < sqlc.narg('after'))
ORDER BY t.id DESC
LIMIT @page_size;

-- name: AddMember :execrows
INSERT INTO team_members (tenant_id, team_id, user_id) VALUES (@tenant_id, @team_id, @user_id)
ON CONFLICT (tenant_id, team_id, user_id) DO NOTHING;

-- name: RemoveMember :execrows
DELETE FROM team_members WHERE tenant_id = @tenant_id AND team_id = @team_id AND user_id = @user_id;

-- name: GetMember :one
SELECT m.team_id, m.user_id, m.added_at, u.name, u.email, u.status
FROM team_members m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
WHERE m.tenant_id = @tenant_id AND m.team_id = @team_id AND m.user_id = @user_id;

-- name: ListMembers :many
SELECT m.team_id, m.user_id, m.added_at, u.name, u.email, u.status
FROM team_members m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id
WHERE m.tenant_id = @tenant_id AND m.team_id = @team_id
  AND (sqlc.narg('after')::uuid IS NULL OR m.user_id > sqlc.narg('after'))
ORDER BY m.user_id
LIMIT @page_size;

-- name: ShareLockRights :exec
-- Who gives rights and who changes what a role or team gives wait for each
-- other, so that what was checked is what is given.
SELECT pg_advisory_xact_lock_shared(hashtextextended('rights:' || @tenant_id::text, 7321));

-- name: LockRights :exec
SELECT pg_advisory_xact_lock(hashtextextended('rights:' || @tenant_id::text, 7321));

-- name: InsertAssignment :one
INSERT INTO role_assignments (tenant_id, id, principal_kind, principal_id, role_id, department_id, kind, status, reason, mapped_from,
                              requested_by_kind, requested_by, decided_by_kind, decided_by, decided_at, decision_note,
                              starts_at, expires_at, review_due_at, noticed_at)
VALUES (@tenant_id, @id, @principal_kind, @principal_id, @role_id, @department_id, @kind, @status, @reason, @mapped_from,
        @requested_by_kind, @requested_by, @decided_by_kind, @decided_by, @decided_at, @decision_note,
        @starts_at, @expires_at, @review_due_at, @noticed_at)
RETURNING *;

-- name: GetAssignment :one
SELECT sqlc.embed(a), r.code AS role_code, r.archived_at AS role_archived_at
FROM role_assignments a JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
WHERE a.tenant_id = @tenant_id AND a.id = @id;

-- name: LockAssignment :one
SELECT * FROM role_assignments WHERE tenant_id = @tenant_id AND id = @id FOR UPDATE;

-- name: UpdateAssignment :one
UPDATE role_assignments
SET status = @status, decided_by_kind = @decided_by_kind, decided_by = @decided_by, decided_at = @decided_at, decision_note = @decision_note,
    starts_at = @starts_at, expires_at = @expires_at, review_due_at = @review_due_at, reviewed_at = @reviewed_at, reviewed_by = @reviewed_by, revoked_at = @revoked_at,
    end_noted_at = @end_noted_at, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: OpenRequest :one
-- A wish for the same that waits already.
SELECT id FROM role_assignments
WHERE tenant_id = @tenant_id AND status = 'requested' AND principal_kind = 'user' AND principal_id = @principal_id AND role_id = @role_id
  AND department_id IS NOT DISTINCT FROM sqlc.narg('department_id')::uuid
LIMIT 1;

-- name: ListAssignments :many
-- effective: what counts at the instant; due and overdue: what is to be reviewed,
-- break-glass from the moment it was taken, and what no longer counts because it
-- was not.
SELECT sqlc.embed(a), r.code AS role_code, r.archived_at AS role_archived_at
FROM role_assignments a JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
WHERE a.tenant_id = @tenant_id
  AND (sqlc.narg('principal_kind')::text IS NULL OR a.principal_kind = sqlc.narg('principal_kind'))
  AND (sqlc.narg('principal_id')::uuid IS NULL OR a.principal_id = sqlc.narg('principal_id'))
  AND (sqlc.narg('role_id')::uuid IS NULL OR a.role_id = sqlc.narg('role_id'))
  AND (sqlc.narg('department_id')::uuid IS NULL OR a.department_id = sqlc.narg('department_id'))
  AND (sqlc.narg('status')::text IS NULL OR a.status = sqlc.narg('status'))
  AND (sqlc.narg('kind')::text IS NULL OR a.kind = sqlc.narg('kind'))
  AND (sqlc.narg('effective')::boolean IS NULL OR sqlc.narg('effective') = (
      a.status = 'approved' AND r.archived_at IS NULL AND a.starts_at <= @now AND (a.expires_at IS NULL OR a.expires_at > @now)
      AND (a.review_due_at IS NULL OR a.review_due_at > @lapsed::timestamptz)))
  AND (sqlc.narg('review')::text IS NULL OR (a.status IN ('approved', 'revoked') AND (a.kind = 'break_glass' OR a.status = 'approved')
      AND CASE sqlc.narg('review') WHEN 'due' THEN a.review_due_at <= @now OR a.kind = 'break_glass' AND a.review_due_at IS NOT NULL ELSE a.review_due_at <= @lapsed END))
  AND (sqlc.narg('after')::uuid IS NULL OR a.id < sqlc.narg('after'))
ORDER BY a.id DESC
LIMIT @page_size;

-- name: IsMember :one
SELECT EXISTS (SELECT 1 FROM team_members WHERE tenant_id = @tenant_id AND team_id = @team_id AND user_id = @user_id)::boolean;

-- name: MadeBy :one
-- Which user made a program's credential, if a user did.
SELECT coalesce((
    SELECT k.created_by FROM api_keys k WHERE k.tenant_id = @tenant_id AND k.id = @id AND k.created_by_kind = 'user'
    UNION ALL
    SELECT c.created_by FROM oauth_clients c WHERE c.tenant_id = @tenant_id AND c.id = @id AND c.created_by_kind = 'user'), '')::text;

-- name: UserStanding :one
SELECT id, name, status FROM users WHERE tenant_id = @tenant_id AND id = @id;

-- name: DepartmentStands :one
SELECT EXISTS (SELECT 1 FROM departments WHERE tenant_id = @tenant_id AND id = @id AND archived_at IS NULL)::boolean;

-- name: TeamAssignments :many
-- What a member of a team gets with it.
SELECT r.scopes, r.verbs, r.readable_classes, r.writable_classes, a.department_id
FROM role_assignments a JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
WHERE a.tenant_id = @tenant_id AND a.principal_kind = 'team' AND a.principal_id = @team_id AND a.status = 'approved'
  AND r.archived_at IS NULL AND (a.expires_at IS NULL OR a.expires_at > @now);

-- name: Answerable :many
-- The users who have a scope, directly or by a role: who may grant roles answers
-- for the rights, who may change users for what leavers leave.
SELECT u.id, u.email, u.locale, u.name FROM users u
WHERE u.tenant_id = @tenant_id AND u.status = 'active'
  AND (u.scopes && ARRAY['*', @scope::text] OR EXISTS (
      SELECT 1 FROM role_assignments a JOIN roles r ON r.tenant_id = a.tenant_id AND r.id = a.role_id
      WHERE a.tenant_id = u.tenant_id AND a.status = 'approved' AND r.archived_at IS NULL AND r.scopes && ARRAY['*', @scope::text]
        AND a.starts_at <= @now AND (a.expires_at IS NULL OR a.expires_at > @now) AND (a.review_due_at IS NULL OR a.review_due_at > @lapsed::timestamptz)
        AND (a.principal_id = u.id OR EXISTS (
            SELECT 1 FROM team_members m JOIN teams t ON t.tenant_id = m.tenant_id AND t.id = m.team_id
            WHERE m.tenant_id = u.tenant_id AND m.team_id = a.principal_id AND m.user_id = u.id AND t.archived_at IS NULL))))
ORDER BY u.id
LIMIT 200;

-- name: EndedAssignments :many
-- What ended by itself and was not noted yet.
SELECT * FROM role_assignments
WHERE tenant_id = @tenant_id AND status = 'approved' AND end_noted_at IS NULL
  AND (expires_at <= @now OR review_due_at <= @lapsed::timestamptz)
ORDER BY id
LIMIT @page_size
FOR UPDATE SKIP LOCKED;

-- name: NoteEnd :exec
UPDATE role_assignments SET end_noted_at = @now WHERE tenant_id = @tenant_id AND id = ANY(@ids::uuid[]);

-- name: MappedAssignments :many
-- What a user has from one identity provider or directory.
SELECT * FROM role_assignments
WHERE tenant_id = @tenant_id AND principal_kind = 'user' AND principal_id = @principal_id AND mapped_from = @mapped_from AND status = 'approved'
FOR UPDATE;

-- name: EndMapped :one
UPDATE role_assignments SET status = 'revoked', revoked_at = @revoked_at::timestamptz, updated_at = now(), version = version + 1
WHERE tenant_id = @tenant_id AND id = @id
RETURNING *;

-- name: ContactHidden :one
-- What decides who sees a contact, for a caller who sees it.
SELECT restricted, department_ids FROM contacts WHERE tenant_id = @tenant_id AND id = @id;

-- name: IsContactSeen :one
-- Asked with somebody's sight, as the operation would.
SELECT EXISTS (SELECT 1 FROM contacts WHERE tenant_id = @tenant_id AND id = @id)::boolean;

-- name: MayOnContact :one
-- Asked with somebody's sight, as the operation would.
SELECT may(@verb::text, @tenant_id::uuid, @contact_id::uuid)::boolean;

-- name: OpenAssignmentsOf :many
-- What a user has, will have or has asked for, for themselves.
SELECT * FROM role_assignments
WHERE tenant_id = @tenant_id AND principal_kind = 'user' AND principal_id = @principal_id AND status IN ('requested', 'approved')
ORDER BY id
FOR UPDATE;
