-- Who may do what, and how that was decided: roles, teams, and the assignments
-- by which a principal has a role for a time, in a department or everywhere.

-- A role is a set of permissions (scopes), of verbs on contacts, and of classes
-- of fields that may be read and written.
CREATE TABLE roles (
    tenant_id           uuid        NOT NULL REFERENCES tenants (tenant_id),
    id                  uuid        NOT NULL,
    code                text        COLLATE "C" NOT NULL CHECK (code ~ '^[a-z][a-z0-9_-]{0,59}$'),
    name                text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    description         text        CHECK (length(description) <= 2000),
    scopes              text[]      NOT NULL DEFAULT '{}',
    verbs               text[]      NOT NULL DEFAULT '{see}'
                        CHECK (verbs <@ ARRAY['see', 'see_contact_points', 'act', 'edit', 'merge', 'delete', 'export', 'see_restricted']),
    -- Classes of fields; null is all that are not sensitive.
    readable_classes    text[],
    writable_classes    text[],
    -- approval: whether a second person must approve an assignment.
    needs_approval      boolean     NOT NULL DEFAULT true,
    -- The longest an assignment may last, in days; null: without end.
    longest_days        integer     CHECK (longest_days BETWEEN 1 AND 3660),
    -- Every so many days somebody must say that an assignment is still needed.
    review_every_days   integer     CHECK (review_every_days BETWEEN 1 AND 1830),
    archived_at         timestamptz,
    version             bigint      NOT NULL DEFAULT 1,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code)
);
SELECT protect('roles', 'SELECT, INSERT, UPDATE');

CREATE TABLE teams (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    code          text        COLLATE "C" NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9_-]{0,59}$'),
    name          text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    department_id uuid,
    -- external_id: the name that the institution's directory gives the group.
    external_id   text        CHECK (length(external_id) BETWEEN 1 AND 200),
    archived_at   timestamptz,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code),
    FOREIGN KEY (tenant_id, department_id) REFERENCES departments (tenant_id, id)
);
CREATE UNIQUE INDEX teams_external_id ON teams (tenant_id, external_id) WHERE external_id IS NOT NULL;
SELECT protect('teams', 'SELECT, INSERT, UPDATE');

CREATE TABLE team_members (
    tenant_id uuid        NOT NULL,
    team_id   uuid        NOT NULL,
    user_id   uuid        NOT NULL,
    added_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, team_id, user_id),
    FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE INDEX team_members_user ON team_members (tenant_id, user_id);
SELECT protect('team_members', 'SELECT, INSERT, DELETE');

-- An assignment is asked for, decided by somebody else, lasts from one instant
-- to another, is reviewed, and ends. Its row is its whole story: the steps are
-- events.
CREATE TABLE role_assignments (
    tenant_id         uuid        NOT NULL,
    id                uuid        NOT NULL,
    principal_kind    text        NOT NULL CHECK (principal_kind IN ('user', 'team')),
    principal_id      uuid        NOT NULL,
    role_id           uuid        NOT NULL,
    -- Null: the whole institution. A department stands for all below it too.
    department_id     uuid,
    -- elevation: for a while, with a reason. break_glass: taken without waiting
    -- for anybody, with a reason, and told to those who answer for the rights.
    kind              text        NOT NULL DEFAULT 'ordinary' CHECK (kind IN ('ordinary', 'elevation', 'break_glass')),
    status            text        NOT NULL CHECK (status IN ('requested', 'approved', 'refused', 'revoked')),
    reason            text        CHECK (length(reason) BETWEEN 1 AND 2000),
    -- mapped: given by the identity provider or the directory, which takes it back too.
    mapped_from       text        CHECK (length(mapped_from) BETWEEN 1 AND 200),
    requested_by_kind text        NOT NULL,
    requested_by      text        NOT NULL,
    decided_by_kind   text,
    decided_by        text,
    decided_at        timestamptz,
    decision_note     text        CHECK (length(decision_note) <= 2000),
    starts_at         timestamptz NOT NULL DEFAULT now(),
    expires_at        timestamptz,
    review_due_at     timestamptz,
    reviewed_at       timestamptz,
    reviewed_by       text,
    revoked_at        timestamptz,
    -- noticed_at: when those who answer for the rights were told of it.
    noticed_at        timestamptz,
    version           bigint      NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id),
    FOREIGN KEY (tenant_id, department_id) REFERENCES departments (tenant_id, id),
    CHECK (expires_at IS NULL OR expires_at > starts_at),
    CHECK ((status = 'requested') = (decided_at IS NULL)),
    CHECK ((status = 'revoked') = (revoked_at IS NOT NULL)),
    CHECK (kind = 'ordinary' OR (reason IS NOT NULL AND expires_at IS NOT NULL)),
    -- Nobody approves their own rights, but under break-glass, which is why that is told.
    CHECK (kind = 'break_glass' OR status <> 'approved' OR principal_kind <> 'user' OR decided_by_kind <> 'user' OR decided_by <> principal_id::text)
);
CREATE INDEX role_assignments_principal ON role_assignments (tenant_id, principal_id, status);
CREATE INDEX role_assignments_role ON role_assignments (tenant_id, role_id);
CREATE INDEX role_assignments_review ON role_assignments (tenant_id, review_due_at) WHERE review_due_at IS NOT NULL;
CREATE INDEX role_assignments_created ON role_assignments (tenant_id, created_at, id);
SELECT protect('role_assignments', 'SELECT, INSERT, UPDATE');

-- Programs are principals of their own: what they may is said on them.
--   department_ids  empty: the whole institution
--   verbs           null: all but see_restricted; their scopes say which operations
--   purposes        codes of the register; empty: not bound to any
ALTER TABLE api_keys
    ADD COLUMN department_ids   uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN verbs            text[] CHECK (verbs <@ ARRAY['see', 'see_contact_points', 'act', 'edit', 'merge', 'delete', 'export', 'see_restricted']),
    ADD COLUMN purposes         text[] NOT NULL DEFAULT '{}',
    ADD COLUMN readable_classes text[],
    ADD COLUMN writable_classes text[];
ALTER TABLE oauth_clients
    ADD COLUMN allowed_cidrs    cidr[] NOT NULL DEFAULT '{}',
    ADD COLUMN expires_at       timestamptz,
    ADD COLUMN department_ids   uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN verbs            text[] CHECK (verbs <@ ARRAY['see', 'see_contact_points', 'act', 'edit', 'merge', 'delete', 'export', 'see_restricted']),
    ADD COLUMN purposes         text[] NOT NULL DEFAULT '{}',
    ADD COLUMN readable_classes text[],
    ADD COLUMN writable_classes text[];

-- What authentication starts from, with what the principal may see.
DROP FUNCTION resolve_api_key(text);
CREATE FUNCTION resolve_api_key(wanted text)
    RETURNS TABLE (tenant_id uuid, id uuid, secret_hash bytea, kind text, scopes text[], source text, allowed_cidrs cidr[],
                   expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz, mode text, tenant_status text,
                   department_ids uuid[], verbs text[], purposes text[], readable_classes text[], writable_classes text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT k.tenant_id, k.id, k.secret_hash, k.kind, k.scopes, k.source, k.allowed_cidrs,
           k.expires_at, k.revoked_at, k.last_used_at, t.mode, t.status,
           k.department_ids, k.verbs, k.purposes, k.readable_classes, k.writable_classes
    FROM api_keys k JOIN tenants t ON t.tenant_id = k.tenant_id
    WHERE k.key_id = wanted
    $$;

DROP FUNCTION resolve_oauth_client(uuid);
CREATE FUNCTION resolve_oauth_client(wanted uuid)
    RETURNS TABLE (tenant_id uuid, id uuid, secret_hash bytea, former_secret_hash bytea, former_secret_expires_at timestamptz,
                   jwks jsonb, scopes text[], source text, revoked_at timestamptz, mode text, tenant_status text,
                   allowed_cidrs cidr[], expires_at timestamptz)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id, c.id, c.secret_hash, c.former_secret_hash, c.former_secret_expires_at,
           c.jwks, c.scopes, c.source, c.revoked_at, t.mode, t.status, c.allowed_cidrs, c.expires_at
    FROM oauth_clients c JOIN tenants t ON t.tenant_id = c.tenant_id
    WHERE c.id = wanted
    $$;

DROP FUNCTION resolve_access_token(uuid, uuid);
CREATE FUNCTION resolve_access_token(wanted_client uuid, wanted_jti uuid)
    RETURNS TABLE (tenant_id uuid, scopes text[], source text, client_revoked_at timestamptz, mode text, tenant_status text, revoked boolean,
                   allowed_cidrs cidr[], expires_at timestamptz,
                   department_ids uuid[], verbs text[], purposes text[], readable_classes text[], writable_classes text[])
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT c.tenant_id, c.scopes, c.source, c.revoked_at, t.mode, t.status,
           EXISTS (SELECT 1 FROM revoked_tokens r WHERE r.tenant_id = c.tenant_id AND r.jti = wanted_jti),
           c.allowed_cidrs, c.expires_at,
           c.department_ids, c.verbs, c.purposes, c.readable_classes, c.writable_classes
    FROM oauth_clients c JOIN tenants t ON t.tenant_id = c.tenant_id
    WHERE c.id = wanted_client
    $$;

-- A user, by the institution and the id that a verified token names.
CREATE POLICY resolver ON users FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON users TO parvis_resolver;
CREATE FUNCTION resolve_user(wanted_tenant uuid, wanted uuid)
    RETURNS TABLE (tenant_id uuid, status text, scopes text[], department_id uuid, locale text, mode text, tenant_status text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT u.tenant_id, u.status, u.scopes, u.department_id, u.locale, t.mode, t.status
    FROM users u JOIN tenants t ON t.tenant_id = u.tenant_id
    WHERE u.tenant_id = wanted_tenant AND u.id = wanted
    $$;
ALTER FUNCTION resolve_api_key(text) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_oauth_client(uuid) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_access_token(uuid, uuid) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_user(uuid, uuid) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_api_key(text), resolve_oauth_client(uuid), resolve_access_token(uuid, uuid), resolve_user(uuid, uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_api_key(text), resolve_oauth_client(uuid), resolve_access_token(uuid, uuid), resolve_user(uuid, uuid) TO parvis_app;
