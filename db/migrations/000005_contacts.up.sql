-- The register of persons and organisations.

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA crm;
CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA crm;

CREATE TABLE contacts (
    tenant_id     uuid        NOT NULL REFERENCES tenants (tenant_id),
    id            uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('person', 'organisation')),
    -- Persons. Names are kept as typed; family_name is the name in use (nom
    -- d'usage), birth_name the name of birth (nom de naissance).
    civility      text        CHECK (civility IN ('mr', 'mrs', 'other')),
    title         text        CHECK (length(title) <= 60),
    given_name    text        CHECK (length(given_name) BETWEEN 1 AND 120),
    given_names   text        CHECK (length(given_names) BETWEEN 1 AND 240),
    family_name   text        CHECK (length(family_name) BETWEEN 1 AND 120),
    birth_name    text        CHECK (length(birth_name) BETWEEN 1 AND 120),
    particle      text        CHECK (length(particle) BETWEEN 1 AND 20),
    name_suffix   text        CHECK (length(name_suffix) BETWEEN 1 AND 40),
    nickname      text        CHECK (length(nickname) BETWEEN 1 AND 120),
    birthdate     date,
    -- Organisations.
    legal_name    text        CHECK (length(legal_name) BETWEEN 1 AND 240),
    trade_name    text        CHECK (length(trade_name) BETWEEN 1 AND 240),
    organisation_type text    CHECK (organisation_type IN ('company', 'association', 'foundation', 'school', 'public_body', 'media', 'supplier', 'reseller', 'other')),
    siren         text        CHECK (siren ~ '^[0-9]{9}$'),
    siret         text        CHECK (siret ~ '^[0-9]{14}$'),
    rna           text        CHECK (rna ~ '^W[0-9][0-9A-Z][0-9]{7}$'),
    website       text        CHECK (length(website) <= 400),
    -- Both.
    locale        text        CHECK (length(locale) BETWEEN 2 AND 35),
    zoneinfo      text        CHECK (length(zoneinfo) BETWEEN 1 AND 64),
    -- Derived by the server from the names, never sent by anyone. sort_name is
    -- folded: without case, accents and punctuation, family name first.
    display_name  text        NOT NULL CHECK (length(display_name) BETWEEN 1 AND 500),
    sort_name     text        COLLATE "C" NOT NULL CHECK (length(sort_name) BETWEEN 1 AND 500),
    source        text        NOT NULL DEFAULT '' CHECK (length(source) <= 120),
    archived_at   timestamptz,
    purge_after   timestamptz,
    merged_into   uuid,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, merged_into) REFERENCES contacts (tenant_id, id),
    CHECK (merged_into IS DISTINCT FROM id),
    CHECK (kind = 'person' OR (civility IS NULL AND given_name IS NULL AND given_names IS NULL AND family_name IS NULL AND birth_name IS NULL AND particle IS NULL AND birthdate IS NULL)),
    CHECK (kind = 'organisation' OR (legal_name IS NULL AND trade_name IS NULL AND organisation_type IS NULL AND siren IS NULL AND siret IS NULL AND rna IS NULL)),
    CHECK (siret IS NULL OR siren IS NULL OR left(siret, 9) = siren)
);
CREATE INDEX contacts_created ON contacts (tenant_id, created_at, id);
CREATE INDEX contacts_updated ON contacts (tenant_id, updated_at, id);
CREATE INDEX contacts_sort ON contacts (tenant_id, sort_name, id);
CREATE INDEX contacts_siret ON contacts (tenant_id, siret) WHERE siret IS NOT NULL;
CREATE INDEX contacts_siren ON contacts (tenant_id, siren) WHERE siren IS NOT NULL;
CREATE INDEX contacts_merged ON contacts (tenant_id, merged_into) WHERE merged_into IS NOT NULL;
SELECT protect('contacts', 'SELECT, INSERT, UPDATE');

-- What a contact is found by when its name is not known exactly. It stands
-- apart from contacts because every new version of a contact would enter these
-- costly indexes again, while names hardly ever change.
--
--   words      folded names, one space before, between and after the words
--   name_keys  's:' how a word sounds in French, 'd:' the word with at most one
--              letter left out: words one mistake apart share such a key
CREATE TABLE contact_search (
    tenant_id  uuid   NOT NULL,
    contact_id uuid   NOT NULL,
    words      text   COLLATE "C" NOT NULL,
    name_keys  text[] NOT NULL,
    PRIMARY KEY (tenant_id, contact_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX contact_search_words ON contact_search USING gin (tenant_id, words gin_trgm_ops);
CREATE INDEX contact_search_keys ON contact_search USING gin (tenant_id, name_keys);
SELECT protect('contact_search');

-- E-mail addresses, telephone numbers, social handles. An address is a way to
-- reach somebody, not who they are: several contacts may share one.
CREATE TABLE contact_points (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    contact_id    uuid        NOT NULL,
    kind          text        NOT NULL CHECK (kind IN ('email', 'phone', 'social')),
    platform      text        CHECK (length(platform) BETWEEN 1 AND 40),
    label         text        NOT NULL DEFAULT 'main' CHECK (label IN ('main', 'home', 'work', 'mobile', 'billing', 'other')),
    -- value is as given; normalized is what is compared: an address in lower
    -- case with its domain in ASCII, a number in E.164.
    value         text        NOT NULL CHECK (length(value) BETWEEN 1 AND 320),
    normalized    text        COLLATE "C" NOT NULL CHECK (length(normalized) BETWEEN 1 AND 320),
    is_primary    boolean     NOT NULL DEFAULT false,
    status        text        NOT NULL DEFAULT 'unverified' CHECK (status IN ('unverified', 'valid', 'bounced', 'invalid', 'opted_out')),
    status_at     timestamptz NOT NULL DEFAULT now(),
    status_reason text        CHECK (length(status_reason) <= 400),
    verified_at   timestamptz,
    source        text        NOT NULL DEFAULT '' CHECK (length(source) <= 120),
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    UNIQUE (tenant_id, contact_id, kind, normalized),
    CHECK ((kind = 'social') = (platform IS NOT NULL))
);
CREATE INDEX contact_points_normalized ON contact_points (tenant_id, kind, normalized);
CREATE UNIQUE INDEX contact_points_primary ON contact_points (tenant_id, contact_id, kind) WHERE is_primary;
SELECT protect('contact_points');

-- Postal addresses (NF Z 10-011 parts; the six printed lines are derived).
CREATE TABLE addresses (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    contact_id    uuid        NOT NULL,
    label         text        NOT NULL DEFAULT 'main' CHECK (label IN ('main', 'home', 'work', 'billing', 'other')),
    recipient     text        CHECK (length(recipient) <= 120),
    delivery      text        CHECK (length(delivery) <= 120),
    building      text        CHECK (length(building) <= 120),
    street        text        CHECK (length(street) <= 200),
    locality      text        CHECK (length(locality) <= 120),
    postal_code   text        CHECK (length(postal_code) <= 20),
    city          text        CHECK (length(city) <= 120),
    country       text        NOT NULL DEFAULT 'FR' CHECK (country ~ '^[A-Z]{2}$'),
    insee_code    text        CHECK (insee_code ~ '^[0-9][0-9AB][0-9]{3}$'),
    is_primary    boolean     NOT NULL DEFAULT false,
    status        text        NOT NULL DEFAULT 'unverified' CHECK (status IN ('unverified', 'valid', 'undeliverable', 'moved')),
    status_at     timestamptz NOT NULL DEFAULT now(),
    status_reason text        CHECK (length(status_reason) <= 400),
    valid_from    date,
    valid_to      date,
    source        text        NOT NULL DEFAULT '' CHECK (length(source) <= 120),
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CHECK (valid_to IS NULL OR valid_from IS NULL OR valid_to >= valid_from)
);
CREATE INDEX addresses_contact ON addresses (tenant_id, contact_id);
CREATE INDEX addresses_postal_code ON addresses (tenant_id, postal_code);
CREATE UNIQUE INDEX addresses_primary ON addresses (tenant_id, contact_id) WHERE is_primary;
SELECT protect('addresses');

CREATE TABLE contact_external_ids (
    tenant_id     uuid        NOT NULL,
    source        text        COLLATE "C" NOT NULL CHECK (source ~ '^[a-z0-9][a-z0-9_.:-]{0,79}$'),
    external_id   text        COLLATE "C" NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    contact_id    uuid        NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source, external_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX contact_external_ids_contact ON contact_external_ids (tenant_id, contact_id);
CREATE INDEX contact_external_ids_bare ON contact_external_ids (tenant_id, external_id);
SELECT protect('contact_external_ids');

CREATE TABLE tags (
    tenant_id   uuid        NOT NULL REFERENCES tenants (tenant_id),
    id          uuid        NOT NULL,
    name        text        NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    -- folded: the name without case and accents, so that a tag exists once.
    folded      text        COLLATE "C" NOT NULL CHECK (length(folded) BETWEEN 1 AND 160),
    description text        CHECK (length(description) <= 400),
    archived_at timestamptz,
    merged_into uuid,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, merged_into) REFERENCES tags (tenant_id, id)
);
CREATE UNIQUE INDEX tags_folded ON tags (tenant_id, folded) WHERE merged_into IS NULL;
SELECT protect('tags', 'SELECT, INSERT, UPDATE');

CREATE TABLE contact_tags (
    tenant_id  uuid        NOT NULL,
    contact_id uuid        NOT NULL,
    tag_id     uuid        NOT NULL,
    tagged_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, contact_id, tag_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, tag_id) REFERENCES tags (tenant_id, id)
);
CREATE INDEX contact_tags_tag ON contact_tags (tenant_id, tag_id, contact_id);
SELECT protect('contact_tags', 'SELECT, INSERT, DELETE');

-- Candidates of a search by name. A policy lets only leakproof operators near
-- an index, and those of trigrams and arrays are not; so the search runs as the
-- resolver, behind the same wall written out: the tenant asked for, and only
-- when it is that of the scope.
--
--   wanted_words  folded words, letters and digits only
--   wanted_keys   for each word the text form of its array of name_keys
--   whole         all words: of equals, the name with the fewest others comes first
--
-- Every word must be found: as the beginning of a word, by a key, or, when it
-- has fewer than three letters, at least not contradicted by the index.
CREATE POLICY resolver ON contact_search FOR SELECT TO parvis_resolver USING (true);
GRANT SELECT ON contact_search TO parvis_resolver;
CREATE FUNCTION find_contacts(wanted_tenant uuid, wanted_words text[], wanted_keys text[], whole text)
    RETURNS TABLE (contact_id uuid, score double precision)
    LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = crm, pg_temp
    AS $$
DECLARE
    matching text := '';
    scoring  text := '';
    word     text;
BEGIN
    IF wanted_tenant IS DISTINCT FROM current_tenant() OR wanted_tenant IS NULL OR cardinality(wanted_words) = 0 THEN
        RETURN;
    END IF;
    FOR i IN 1..cardinality(wanted_words) LOOP
        word := wanted_words[i];
        matching := matching || format(' AND (s.words LIKE %L OR s.name_keys && %L::text[])', '% ' || word || '%', wanted_keys[i]);
        -- How alike two words are is asked only where they differ: it costs ten times the rest.
        scoring := scoring || format(' + CASE WHEN s.words LIKE %1$L THEN 1.3 WHEN s.words LIKE %2$L THEN 1.2 WHEN s.name_keys @> ARRAY[%3$L] THEN 0.6 + 0.3 * word_similarity(%4$L, s.words) ELSE 0.3 * word_similarity(%4$L, s.words) END',
            '% ' || word || ' %', '% ' || word || '%', (wanted_keys[i]::text[])[1], word);
    END LOOP;
    RETURN QUERY EXECUTE format(
        'SELECT s.contact_id, ((0.0%s) / %s + 0.2 * least(length($2) / length(s.words)::float8, 1))::double precision FROM contact_search s WHERE s.tenant_id = $1%s',
        scoring, cardinality(wanted_words), matching)
        USING wanted_tenant, whole;
END
$$;
ALTER FUNCTION find_contacts(uuid, text[], text[], text) OWNER TO parvis_resolver;
REVOKE ALL ON FUNCTION find_contacts(uuid, text[], text[], text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION find_contacts(uuid, text[], text[], text) TO parvis_app;
