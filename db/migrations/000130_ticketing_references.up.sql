-- What schemes outside call a production, a performance or a venue: ISNI,
-- Wikidata, SIRET, the list of a ministry. stated_references is what the source
-- says, replaced by each of its descriptions; set_references is what the
-- institution says, which no source touches.
ALTER TABLE ticketing_productions
    ADD COLUMN stated_references jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(stated_references) = 'array'),
    ADD COLUMN set_references    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(set_references) = 'array');
ALTER TABLE ticketing_performances
    ADD COLUMN stated_references jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(stated_references) = 'array'),
    ADD COLUMN set_references    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(set_references) = 'array');
ALTER TABLE ticketing_venues
    ADD COLUMN stated_references jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(stated_references) = 'array'),
    ADD COLUMN set_references    jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(set_references) = 'array');

-- Both, and the SIRET of a venue, to be found by. Several records may have one
-- reference: two sources sell the same show, two halls stand in one house.
CREATE TABLE ticketing_references (
    tenant_id  uuid NOT NULL,
    record_id  uuid NOT NULL,
    scheme     text COLLATE "C" NOT NULL CHECK (scheme ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    identifier text COLLATE "C" NOT NULL CHECK (length(identifier) BETWEEN 1 AND 200),
    PRIMARY KEY (tenant_id, record_id, scheme, identifier),
    FOREIGN KEY (tenant_id, record_id) REFERENCES ticketing_records (tenant_id, id)
);
CREATE INDEX ticketing_references_found ON ticketing_references (tenant_id, scheme, identifier, record_id);

ALTER TABLE ticketing_venues NO FORCE ROW LEVEL SECURITY;
INSERT INTO ticketing_references (tenant_id, record_id, scheme, identifier)
SELECT tenant_id, id, 'siret', siret FROM ticketing_venues WHERE siret IS NOT NULL;
ALTER TABLE ticketing_venues FORCE ROW LEVEL SECURITY;
SELECT protect('ticketing_references', 'SELECT, INSERT, DELETE');

-- Lists of terms that others keep, by the code under which the institution
-- speaks of them. Their terms stay where they are kept.
CREATE TABLE ticketing_vocabularies (
    tenant_id   uuid        NOT NULL REFERENCES tenants (tenant_id),
    id          uuid        NOT NULL,
    code        text        COLLATE "C" NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9._-]{0,39}$'),
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    uri         text        CHECK (length(uri) <= 2000),
    edition     text        CHECK (length(edition) <= 80),
    description text        CHECK (length(description) <= 2000),
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ticketing_vocabularies_code UNIQUE (tenant_id, code)
);
SELECT protect('ticketing_vocabularies');

-- Which term of a vocabulary a value stands for, of one source or (null) of all.
CREATE TABLE ticketing_mappings (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    vocabulary_id uuid        NOT NULL,
    source_id     uuid,
    field         text        NOT NULL CHECK (field IN ('discipline', 'season', 'festival', 'venue', 'price_type', 'audience')),
    value         text        COLLATE "C" NOT NULL CHECK (length(value) BETWEEN 1 AND 400),
    term_id       text        COLLATE "C" NOT NULL CHECK (length(term_id) BETWEEN 1 AND 200),
    term_label    jsonb       NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(term_label) = 'object'),
    term_uri      text        CHECK (length(term_uri) <= 2000),
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ticketing_mappings_value UNIQUE NULLS NOT DISTINCT (tenant_id, field, value, vocabulary_id, source_id),
    FOREIGN KEY (tenant_id, vocabulary_id) REFERENCES ticketing_vocabularies (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
CREATE INDEX ticketing_mappings_vocabulary ON ticketing_mappings (tenant_id, vocabulary_id, term_id, id);
CREATE INDEX ticketing_mappings_source ON ticketing_mappings (tenant_id, source_id) WHERE source_id IS NOT NULL;
SELECT protect('ticketing_mappings');
