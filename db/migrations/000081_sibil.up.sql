-- The quarterly ticketing return of performing-arts licence holders (SIBIL: act
-- 2016-925 of 7 July 2016, art. 48; decree 2017-926 of 9 May 2017). Figures are
-- computed from the ticketing tables whenever somebody asks; kept is what was
-- declared, and how it was answered.

-- How the State's system is reached and what is said of the declarant. Off until
-- somebody switches it on.
CREATE TABLE sibil_settings (
    tenant_id         uuid        NOT NULL,
    base_url          text        CHECK (length(base_url) BETWEEN 8 AND 2048),
    username          text        CHECK (length(username) BETWEEN 1 AND 200),
    -- password is sealed.
    password          bytea,
    multiple_managers boolean     NOT NULL DEFAULT false,
    registers         boolean     NOT NULL DEFAULT true,
    -- domain_labels: what the institution's own words for domains are called at SIBIL.
    domain_labels     jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(domain_labels) = 'object'),
    is_enabled        boolean     NOT NULL DEFAULT false,
    version           bigint      NOT NULL DEFAULT 0,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id)
);
SELECT protect('sibil_settings', 'SELECT, INSERT, UPDATE');

-- Quarters of which it was told that they can be declared.
CREATE TABLE sibil_quarters (
    tenant_id uuid        NOT NULL,
    id        uuid        NOT NULL,
    quarter   text        COLLATE "C" NOT NULL CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    ready_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, quarter)
);
SELECT protect('sibil_quarters', 'SELECT, INSERT');

-- One sending of declarations. How far it is, its operation knows.
CREATE TABLE sibil_submissions (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    quarter      text        COLLATE "C" NOT NULL CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    operation_id uuid        NOT NULL,
    -- base_url: where to.
    base_url     text        NOT NULL CHECK (length(base_url) BETWEEN 8 AND 2048),
    finished_at  timestamptz,
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX sibil_submissions_latest ON sibil_submissions (tenant_id, created_at DESC, id DESC);
SELECT protect('sibil_submissions', 'SELECT, INSERT, UPDATE');

-- What a submission says of each performance, and what became of it. No person
-- is named in it.
CREATE TABLE sibil_submission_items (
    tenant_id      uuid        NOT NULL,
    submission_id  uuid        NOT NULL,
    performance_id uuid        NOT NULL,
    rank           integer     NOT NULL,
    external_key   text        COLLATE "C" NOT NULL CHECK (external_key ~ '^[0-9a-f]{8}_[0-9a-f]{8}$'),
    digest         bytea       NOT NULL CHECK (length(digest) = 32),
    statement      jsonb       NOT NULL,
    status         text        NOT NULL CHECK (status IN ('pending', 'created', 'updated', 'unchanged', 'duplicate', 'rejected')),
    sibil_id       bigint,
    -- was_declared: SIBIL had the performance before.
    was_declared   boolean     NOT NULL,
    detail         text        CHECK (length(detail) <= 500),
    answered_at    timestamptz,
    PRIMARY KEY (tenant_id, submission_id, performance_id),
    FOREIGN KEY (tenant_id, submission_id) REFERENCES sibil_submissions (tenant_id, id),
    FOREIGN KEY (tenant_id, performance_id) REFERENCES ticketing_performances (tenant_id, id)
);
SELECT protect('sibil_submission_items', 'SELECT, INSERT, UPDATE');

-- What SIBIL has of each performance: what was last sent under its key and
-- accepted, at one address. Another system, such as that of production after that
-- of trials, has none of it.
CREATE TABLE sibil_declarations (
    tenant_id      uuid        NOT NULL,
    performance_id uuid        NOT NULL,
    external_key   text        COLLATE "C" NOT NULL CHECK (external_key ~ '^[0-9a-f]{8}_[0-9a-f]{8}$'),
    digest         bytea       NOT NULL CHECK (length(digest) = 32),
    sibil_id       bigint,
    base_url       text        NOT NULL CHECK (length(base_url) BETWEEN 8 AND 2048),
    quarter        text        COLLATE "C" NOT NULL CHECK (quarter ~ '^[0-9]{4}-Q[1-4]$'),
    submission_id  uuid        NOT NULL,
    declared_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, performance_id),
    UNIQUE (tenant_id, external_key),
    FOREIGN KEY (tenant_id, performance_id) REFERENCES ticketing_performances (tenant_id, id),
    FOREIGN KEY (tenant_id, submission_id) REFERENCES sibil_submissions (tenant_id, id)
);
SELECT protect('sibil_declarations', 'SELECT, INSERT, UPDATE');
