-- The register of erasures: that a person was erased, when, by whom, on whose
-- instruction, how much went and what the ticketing systems were told. It names
-- nobody but by the identifier that is left of them.
CREATE TABLE privacy_erasures (
    tenant_id             uuid        NOT NULL REFERENCES tenants (tenant_id),
    id                    uuid        NOT NULL,
    contact_id            uuid        NOT NULL,
    -- The instruction of the controller, or the person's own request (GDPR art. 28(3)(a), 12(3)).
    instruction_reference text        NOT NULL CHECK (length(instruction_reference) BETWEEN 1 AND 200),
    reason                text        NOT NULL CHECK (length(reason) BETWEEN 1 AND 400),
    actor_kind            text        NOT NULL CHECK (length(actor_kind) <= 40),
    actor_id              text        NOT NULL CHECK (length(actor_id) <= 200),
    request_id            text        NOT NULL DEFAULT '' CHECK (length(request_id) <= 128),
    erased_at             timestamptz NOT NULL,
    -- erased, kept: how many of what, by the names of the contract.
    erased                jsonb       NOT NULL CHECK (jsonb_typeof(erased) = 'object'),
    kept                  jsonb       NOT NULL CHECK (jsonb_typeof(kept) = 'object'),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT privacy_erasures_contact UNIQUE (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
SELECT protect('privacy_erasures', 'SELECT, INSERT');

-- What each ticketing system was told, one row an account there. Without the
-- account's name, which only the command has until it has ended.
CREATE TABLE privacy_notices (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    erasure_id uuid        NOT NULL,
    source_id  uuid        NOT NULL,
    command_id uuid,
    status     text        NOT NULL CHECK (status IN ('queued', 'sent', 'confirmed', 'rejected', 'unsupported')),
    code       text        CHECK (length(code) <= 80),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, erasure_id) REFERENCES privacy_erasures (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
CREATE INDEX privacy_notices_erasure ON privacy_notices (tenant_id, erasure_id);
CREATE INDEX privacy_notices_command ON privacy_notices (tenant_id, command_id) WHERE command_id IS NOT NULL;
SELECT protect('privacy_notices', 'SELECT, INSERT, UPDATE');

-- Who does not see what is left of a contact does not learn that it was erased.
CREATE POLICY sight ON privacy_erasures AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR crm.contact_seen(tenant_id, contact_id));
CREATE POLICY purpose ON privacy_erasures AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()));
CREATE POLICY sight ON privacy_notices AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM privacy_erasures e WHERE e.tenant_id = privacy_notices.tenant_id AND e.id = privacy_notices.erasure_id));
CREATE POLICY purpose ON privacy_notices AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()));
