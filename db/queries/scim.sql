-- name: LockScimUser :one
SELECT * FROM scim_users WHERE tenant_id = @tenant_id AND user_id = @user_id FOR UPDATE;

-- name: DeletedUserByName :one
-- The record of somebody whom the directory has deleted, by the name or address
-- they come back with.
SELECT s.user_id FROM scim_users s JOIN users u ON u.tenant_id = s.tenant_id AND u.id = s.user_id
WHERE s.tenant_id = @tenant_id AND s.source = @source AND s.deleted_at IS NOT NULL
  AND (lower(s.user_name) = lower(@user_name) OR u.email = lower(@email))
ORDER BY (u.email = lower(@email)) DESC, s.deleted_at DESC, s.user_id
LIMIT 1;

-- name: NameTaken :one
-- Who has a user name, whether a directory gave it or it is an address.
SELECT u.id FROM users u LEFT JOIN scim_users s ON s.tenant_id = u.tenant_id AND s.user_id = u.id
WHERE u.tenant_id = @tenant_id AND s.deleted_at IS NULL AND lower(coalesce(s.user_name, u.email)) = lower(@user_name) AND u.id <> @except_id
LIMIT 1;

-- name: PutScimUser :exec
INSERT INTO scim_users (tenant_id, user_id, source, user_name, external_id, attributes)
VALUES (@tenant_id, @user_id, @source, @user_name, @external_id, @attributes)
ON CONFLICT (tenant_id, user_id) DO UPDATE
SET user_name = excluded.user_name, external_id = excluded.external_id, attributes = excluded.attributes, deleted_at = NULL,
    updated_at = now(), version = scim_users.version + 1;

-- name: DeleteScimUser :exec
INSERT INTO scim_users (tenant_id, user_id, source, user_name, deleted_at)
VALUES (@tenant_id, @user_id, @source, @user_name, now())
ON CONFLICT (tenant_id, user_id) DO UPDATE SET deleted_at = now(), updated_at = now(), version = scim_users.version + 1;

-- name: PutScimGroup :exec
INSERT INTO scim_groups (tenant_id, team_id, source) VALUES (@tenant_id, @team_id, @source)
ON CONFLICT (tenant_id, team_id) DO NOTHING;

-- name: GroupCodeTaken :one
SELECT EXISTS (SELECT 1 FROM teams WHERE tenant_id = @tenant_id AND code = @code)::boolean;

-- name: KnownUsers :many
-- Which of these may be members of a group.
SELECT u.id FROM users u LEFT JOIN scim_users s ON s.tenant_id = u.tenant_id AND s.user_id = u.id
WHERE u.tenant_id = @tenant_id AND u.id = ANY (@user_ids::uuid[]) AND s.deleted_at IS NULL;

-- name: TeamsOfUser :many
-- The teams that somebody is in who leaves, the institution's own as well.
SELECT team_id FROM team_members WHERE tenant_id = @tenant_id AND user_id = @user_id ORDER BY team_id;
