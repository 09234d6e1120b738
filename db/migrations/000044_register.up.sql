-- The register of processing activities (registre des activités de traitement,
-- GDPR art. 30): what is done with personal data, for which purposes, with which
-- classes of fields, for how long and with whose help.

CREATE TABLE processing_activities (
    tenant_id            uuid        NOT NULL REFERENCES tenants (tenant_id),
    id                   uuid        NOT NULL,
    code                 text        COLLATE "C" NOT NULL CHECK (code ~ '^[a-z][a-z0-9_-]{0,59}$'),
    name                 text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    -- role: controller (art. 30(1)), or processor for somebody else (art. 30(2)).
    role                 text        NOT NULL DEFAULT 'controller' CHECK (role IN ('controller', 'processor')),
    status               text        NOT NULL DEFAULT 'draft' CHECK (status IN ('draft', 'active', 'retired')),
    description          text        CHECK (length(description) <= 4000),
    -- parties: controller, joint controllers, representative, data protection
    -- officer; of a processor's activity, those for whom it works.
    parties              jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(parties) = 'array'),
    person_categories    text[]      NOT NULL DEFAULT '{}',
    -- field_classes: the classes of fields of the contract that the activity
    -- needs. Who is bound to one of its purposes reads these and no others.
    field_classes        text[]      NOT NULL DEFAULT '{}',
    data_categories      text[]      NOT NULL DEFAULT '{}',
    recipients           jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(recipients) = 'array'),
    retention            jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(retention) = 'array'),
    security_measures    text[]      NOT NULL DEFAULT '{}',
    processors           jsonb       NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(processors) = 'array'),
    -- What of the installation serves the activity, beyond what names its
    -- purposes by itself.
    source_codes         text[]      NOT NULL DEFAULT '{}',
    webhook_endpoint_ids uuid[]      NOT NULL DEFAULT '{}',
    sends_mail           boolean     NOT NULL DEFAULT false,
    version              bigint      NOT NULL DEFAULT 1,
    created_at           timestamptz NOT NULL DEFAULT now(),
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, code)
);
SELECT protect('processing_activities', 'SELECT, INSERT, UPDATE');

CREATE TABLE processing_activity_purposes (
    tenant_id   uuid NOT NULL,
    activity_id uuid NOT NULL,
    purpose_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, activity_id, purpose_id),
    FOREIGN KEY (tenant_id, activity_id) REFERENCES processing_activities (tenant_id, id),
    FOREIGN KEY (tenant_id, purpose_id) REFERENCES purposes (tenant_id, id)
);
CREATE INDEX processing_activity_purposes_purpose ON processing_activity_purposes (tenant_id, purpose_id);
SELECT protect('processing_activity_purposes', 'SELECT, INSERT, DELETE');
