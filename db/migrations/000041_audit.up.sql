-- Which reads of an institution need a reason, and which are noted.
CREATE TABLE read_policies (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    operations text[]      NOT NULL DEFAULT '{}',
    purposes   text[]      NOT NULL DEFAULT '{}',
    -- Reads of restricted contacts; those of what is sensitive always need one.
    restricted boolean     NOT NULL DEFAULT false,
    -- none: only reads of restricted contacts and of what is sensitive are noted.
    noted      text        NOT NULL DEFAULT 'all' CHECK (noted IN ('all', 'none')),
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id)
);
SELECT protect('read_policies', 'SELECT, INSERT, UPDATE');
