-- What only those may know who need it for its purpose (GDPR art. 9 and 32).
-- sealed has the category, the text and the identifier, under the person's key
-- (000020_vault): a dump tells that there is something about somebody, for which
-- purpose and until when, and nothing more.
CREATE TABLE sensitive_facts (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    contact_id  uuid        NOT NULL,
    sealed      bytea       NOT NULL,
    -- lookup: the identifier's entry in the blind index.
    lookup      bytea       CHECK (length(lookup) = 32),
    purpose     text        COLLATE "C" NOT NULL CHECK (length(purpose) BETWEEN 1 AND 60),
    source      text        NOT NULL DEFAULT '' CHECK (length(source) <= 120),
    valid_until date,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX sensitive_facts_contact ON sensitive_facts (tenant_id, contact_id, id);
CREATE INDEX sensitive_facts_lookup ON sensitive_facts (tenant_id, lookup) WHERE lookup IS NOT NULL;
SELECT protect('sensitive_facts');

-- Why somebody read what needs a reason.
ALTER TABLE access_log ADD COLUMN reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 200);
