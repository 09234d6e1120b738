-- Outgoing mail, and the forms of the institution's website.

CREATE TABLE mails (
    tenant_id       uuid        NOT NULL REFERENCES tenants (tenant_id),
    id              uuid        NOT NULL,
    recipient       text        NOT NULL CHECK (length(recipient) BETWEEN 3 AND 320 AND recipient !~ '[\r\n]'),
    subject         text        NOT NULL CHECK (length(subject) BETWEEN 1 AND 400 AND subject !~ '[\r\n]'),
    body_text       text,
    body_html       text,
    headers         jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(headers) = 'object'),
    -- secret: the body holds a single-use link and goes as soon as it is sent.
    secret          boolean     NOT NULL DEFAULT false,
    -- captured: of a sandbox, where nothing is ever sent.
    status          text        NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'failed', 'captured')),
    attempts        integer     NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz NOT NULL DEFAULT now(),
    last_error      text        CHECK (length(last_error) <= 400),
    message_id      text        NOT NULL CHECK (length(message_id) <= 200),
    sent_at         timestamptz,
    created_at      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CHECK ((status = 'sent') = (sent_at IS NOT NULL))
);
CREATE INDEX mails_due ON mails (next_attempt_at, tenant_id) WHERE status = 'queued';
CREATE INDEX mails_created ON mails (tenant_id, created_at, id);
SELECT protect('mails', 'SELECT, INSERT, UPDATE');
CREATE POLICY resolver ON mails FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON mails TO parvis_resolver;

-- Which institutions have mail to send. Ids only.
CREATE FUNCTION tenants_with_due_mails() RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM mails WHERE status = 'queued' AND next_attempt_at <= now() $$;
ALTER FUNCTION tenants_with_due_mails() OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION tenants_with_due_mails() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION tenants_with_due_mails() TO parvis_app;

CREATE TABLE forms (
    tenant_id         uuid        NOT NULL REFERENCES tenants (tenant_id),
    id                uuid        NOT NULL,
    slug              text        COLLATE "C" NOT NULL CHECK (slug ~ '^[a-z0-9][a-z0-9-]{0,79}$'),
    name              text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    status            text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'published', 'closed')),
    -- definition: as it is being written; what visitors see is in form_versions.
    definition        jsonb       NOT NULL,
    published_version bigint,
    version           bigint      NOT NULL DEFAULT 1,
    created_at        timestamptz NOT NULL DEFAULT now(),
    updated_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, slug),
    CHECK (status = 'draft' OR published_version IS NOT NULL)
);
CREATE INDEX forms_id ON forms (id);
SELECT protect('forms', 'SELECT, INSERT, UPDATE, DELETE');

-- What was shown: never changed, since consents refer to it.
CREATE TABLE form_versions (
    tenant_id    uuid        NOT NULL,
    form_id      uuid        NOT NULL,
    number       bigint      NOT NULL CHECK (number > 0),
    definition   jsonb       NOT NULL,
    published_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, form_id, number),
    FOREIGN KEY (tenant_id, form_id) REFERENCES forms (tenant_id, id)
);
SELECT protect('form_versions', 'SELECT, INSERT');

CREATE TABLE form_submissions (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    form_id          uuid        NOT NULL,
    form_version     bigint      NOT NULL,
    status           text        NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'confirmed', 'expired', 'rejected')),
    -- data as sent; emptied when nobody confirmed it in time.
    data             jsonb       NOT NULL CHECK (jsonb_typeof(data) = 'object'),
    language         text        NOT NULL CHECK (length(language) BETWEEN 2 AND 35),
    origin           text        NOT NULL DEFAULT '' CHECK (length(origin) <= 400),
    network          text        NOT NULL DEFAULT '',
    user_agent       text        NOT NULL DEFAULT '',
    -- Keyed hashes, for counting only.
    email_hash       bytea       CHECK (length(email_hash) = 32),
    sender_hash      bytea       CHECK (length(sender_hash) = 32),
    -- token_hash: SHA-256 of the link's secret; null when nothing is to be confirmed.
    token_hash       bytea       CHECK (length(token_hash) = 32),
    token_expires_at timestamptz,
    contact_id       uuid,
    reason           text        CHECK (length(reason) <= 80),
    received_at      timestamptz NOT NULL,
    confirmed_at     timestamptz,
    version          bigint      NOT NULL DEFAULT 1,
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, form_id, form_version) REFERENCES form_versions (tenant_id, form_id, number),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CHECK ((token_hash IS NULL) = (token_expires_at IS NULL)),
    CHECK ((status = 'confirmed') = (confirmed_at IS NOT NULL)),
    CHECK (status <> 'expired' OR data = '{}')
);
CREATE UNIQUE INDEX form_submissions_token ON form_submissions (tenant_id, token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX form_submissions_any_token ON form_submissions (token_hash) WHERE token_hash IS NOT NULL;
CREATE INDEX form_submissions_list ON form_submissions (tenant_id, form_id, received_at, id);
CREATE INDEX form_submissions_email ON form_submissions (tenant_id, email_hash, received_at);
CREATE INDEX form_submissions_sender ON form_submissions (tenant_id, sender_hash, received_at);
CREATE INDEX form_submissions_contact ON form_submissions (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX form_submissions_pending ON form_submissions (received_at, tenant_id) WHERE status = 'pending';
SELECT protect('form_submissions', 'SELECT, INSERT, UPDATE');

-- Challenges that were answered, until they would have expired anyway.
CREATE TABLE form_nonces (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    nonce      text        COLLATE "C" NOT NULL CHECK (length(nonce) BETWEEN 1 AND 128),
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, nonce)
);
SELECT protect('form_nonces', 'SELECT, INSERT, DELETE');

CREATE POLICY resolver ON forms FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON form_versions FOR SELECT TO parvis_resolver USING (true);
CREATE POLICY resolver ON form_submissions FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON forms, form_versions, form_submissions TO parvis_resolver;

-- Whose form it is, for visitors, who know only its id, and from where it may
-- be used. Nothing of a form that was never published or is closed.
CREATE FUNCTION resolve_public_form(wanted uuid)
    RETURNS TABLE (tenant_id uuid, mode text, published_version bigint, allowed_origins jsonb)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT f.tenant_id, t.mode, f.published_version, coalesce(v.definition -> 'allowed_origins', '[]'::jsonb)
    FROM forms f
    JOIN tenants t ON t.tenant_id = f.tenant_id AND t.status = 'active'
    JOIN form_versions v ON v.tenant_id = f.tenant_id AND v.form_id = f.id AND v.number = f.published_version
    WHERE f.id = wanted AND f.status = 'published'
    $$;
-- Whose submission a link confirms.
CREATE FUNCTION resolve_form_confirmation(wanted bytea)
    RETURNS TABLE (tenant_id uuid, mode text, submission_id uuid)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
    SELECT s.tenant_id, t.mode, s.id
    FROM form_submissions s JOIN tenants t ON t.tenant_id = s.tenant_id AND t.status = 'active'
    WHERE s.token_hash = wanted
    $$;
-- Which institutions have submissions to apply or to let expire. Ids only.
CREATE FUNCTION tenants_with_due_submissions(unconfirmed_before timestamptz) RETURNS SETOF uuid
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$ SELECT DISTINCT tenant_id FROM form_submissions WHERE status = 'pending' AND (token_hash IS NULL OR received_at < unconfirmed_before) $$;
ALTER FUNCTION resolve_public_form(uuid) OWNER TO parvis_resolver;
ALTER FUNCTION resolve_form_confirmation(bytea) OWNER TO parvis_resolver;
ALTER FUNCTION tenants_with_due_submissions(timestamptz) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION resolve_public_form(uuid), resolve_form_confirmation(bytea), tenants_with_due_submissions(timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION resolve_public_form(uuid), resolve_form_confirmation(bytea), tenants_with_due_submissions(timestamptz) TO parvis_app;
