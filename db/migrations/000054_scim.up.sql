-- What an institution's directory says of the people and groups that it
-- provisions (SCIM 2.0, RFC 7643 and 7644).

-- A user that a directory answers for. The user's row says who may act; this one
-- keeps what only the directory wants to read back.
CREATE TABLE scim_users (
    tenant_id   uuid        NOT NULL REFERENCES tenants (tenant_id),
    user_id     uuid        NOT NULL,
    -- source: which directory; external_id is unique within it (RFC 7643 §3.1).
    source      text        NOT NULL CHECK (length(source) BETWEEN 1 AND 80),
    user_name   text        NOT NULL CHECK (length(user_name) BETWEEN 1 AND 254),
    external_id text        CHECK (length(external_id) BETWEEN 1 AND 254),
    attributes  jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(attributes) = 'object'),
    -- Deleted in the directory: not there for it any more, and kept here.
    deleted_at  timestamptz,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id)
);
CREATE UNIQUE INDEX scim_users_user_name ON scim_users (tenant_id, lower(user_name)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX scim_users_external_id ON scim_users (tenant_id, source, external_id) WHERE external_id IS NOT NULL AND deleted_at IS NULL;
SELECT protect('scim_users', 'SELECT, INSERT, UPDATE');

-- A team whose members a directory decides on.
CREATE TABLE scim_groups (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    team_id    uuid        NOT NULL,
    source     text        NOT NULL CHECK (length(source) BETWEEN 1 AND 80),
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, team_id),
    FOREIGN KEY (tenant_id, team_id) REFERENCES teams (tenant_id, id)
);
SELECT protect('scim_groups', 'SELECT, INSERT');
