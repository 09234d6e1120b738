-- Contacts that were erased (GDPR art. 17). The row stays, empty, under its
-- identifier, for what is kept and refers to it: orders of an account, events,
-- reads. What it was called elsewhere and reached at is kept as keyed hashes
-- only, so that no import makes the person again unasked and nobody writes to
-- them who was told not to (art. 21).
ALTER TABLE contacts ADD COLUMN erased_at timestamptz;
-- What is erased is in no ordinary list. Nothing stood in the column before.
ALTER TABLE contacts ADD CONSTRAINT contacts_erased CHECK (erased_at IS NULL OR archived_at IS NOT NULL) NOT VALID;
ALTER TABLE contacts VALIDATE CONSTRAINT contacts_erased;

-- The key of those hashes, one an institution. It lies under the institution's
-- key and travels with its archive, or the hashes would be worth nothing where
-- the institution goes.
CREATE TABLE contact_erasure_keys (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    -- hashing: the key as it arrives with an archive; emptied once it is sealed.
    hashing        jsonb      NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(hashing) = 'object'),
    hashing_sealed bytea,
    created_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id)
);
SELECT protect('contact_erasure_keys', 'SELECT, INSERT, UPDATE');

-- Names of erased contacts in other systems.
CREATE TABLE contact_erased_names (
    tenant_id  uuid        NOT NULL,
    name_hash  bytea       NOT NULL CHECK (length(name_hash) = 32),
    contact_id uuid        NOT NULL,
    erased_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, name_hash),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
SELECT protect('contact_erased_names', 'SELECT, INSERT');

-- Addresses and numbers of erased contacts (liste d'opposition). Nothing says
-- any more whose they were.
CREATE TABLE contact_oppositions (
    tenant_id  uuid        NOT NULL REFERENCES tenants (tenant_id),
    point_hash bytea       NOT NULL CHECK (length(point_hash) = 32),
    kind       text        NOT NULL CHECK (kind IN ('email', 'phone')),
    since      timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, point_hash)
);
SELECT protect('contact_oppositions', 'SELECT, INSERT, UPDATE');
