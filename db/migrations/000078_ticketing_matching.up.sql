-- Whom a sale belongs to, on what evidence, and what people decided about it.

-- Evidence: codes of what agreed and what did not, never the values compared.
ALTER TABLE ticketing_orders
    ADD COLUMN match_evidence text[] CHECK (cardinality(match_evidence) <= 20),
    -- SHA-256 of a secret of the order that its buyer has, such as the end of the
    -- link in their confirmation: who shows it may claim the order.
    ADD COLUMN claim_hash     text   COLLATE "C" CHECK (length(claim_hash) = 64);
ALTER TABLE ticketing_customers
    ADD COLUMN match_evidence text[] CHECK (cardinality(match_evidence) <= 20);
ALTER TABLE ticketing_lines
    ADD COLUMN holder_score    double precision CHECK (holder_score BETWEEN 0 AND 1),
    ADD COLUMN holder_inputs   text   COLLATE "C" CHECK (length(holder_inputs) = 64),
    ADD COLUMN holder_evidence text[] CHECK (cardinality(holder_evidence) <= 20);
-- Orders that wait for a decision, and those of nobody that a contact may turn
-- out to have bought.
CREATE INDEX ticketing_orders_waiting ON ticketing_orders (tenant_id, match_inputs) WHERE match_rule IN ('review', 'review_contact', 'review_nobody');
CREATE INDEX ticketing_customers_waiting ON ticketing_customers (tenant_id, match_inputs) WHERE match_rule IN ('review', 'review_contact', 'review_nobody');
CREATE INDEX ticketing_orders_number ON ticketing_orders (tenant_id, source_id, number) WHERE number IS NOT NULL;
CREATE INDEX ticketing_orders_unclaimed ON ticketing_orders (tenant_id, lower(buyer ->> 'email')) WHERE contact_id IS NULL AND buyer IS NOT NULL;
CREATE INDEX ticketing_orders_unnamed ON ticketing_orders (tenant_id, lower(buyer ->> 'family_name')) WHERE contact_id IS NULL AND buyer IS NOT NULL;

-- What people decided, in their order: the decision with the highest rank stands.
--   order    this order belongs to this contact, or to nobody
--   ticket   this ticket is held by this contact, or by nobody
--   inputs   whoever is described like this is this contact, or nobody: it is
--            not asked again
-- Taking a decision back is another decision, which names it.
CREATE TABLE ticketing_decisions (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    scope      text        NOT NULL CHECK (scope IN ('order', 'ticket', 'inputs')),
    -- key: the id of the order or ticket, or the digest of the description.
    key        text        COLLATE "C" NOT NULL CHECK (length(key) BETWEEN 36 AND 64),
    rank       integer     NOT NULL CHECK (rank > 0),
    -- rules: as if nobody had decided.
    action     text        NOT NULL CHECK (action IN ('contact', 'nobody', 'rules')),
    contact_id uuid,
    origin     text        NOT NULL CHECK (origin IN ('review', 'relink', 'claim', 'revert')),
    review_id  uuid,
    order_id   uuid,
    reverts    uuid,
    reason     text        CHECK (length(reason) <= 400),
    actor_kind text        NOT NULL CHECK (length(actor_kind) <= 40),
    actor_id   text        NOT NULL CHECK (length(actor_id) <= 200),
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ticketing_decisions_rank UNIQUE (tenant_id, scope, key, rank),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id),
    FOREIGN KEY (tenant_id, reverts) REFERENCES ticketing_decisions (tenant_id, id),
    CHECK ((action = 'contact') = (contact_id IS NOT NULL))
);
CREATE INDEX ticketing_decisions_order ON ticketing_decisions (tenant_id, order_id, decided_at) WHERE order_id IS NOT NULL;
SELECT protect('ticketing_decisions', 'SELECT, INSERT');

-- Descriptions of people of whom only a person can say who they are. One row for
-- each description, however many orders bear it.
CREATE TABLE ticketing_reviews (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    inputs       text        COLLATE "C" NOT NULL CHECK (length(inputs) = 64),
    source_id    uuid        NOT NULL,
    -- The record that raised it first.
    subject_kind text        NOT NULL CHECK (subject_kind IN ('order', 'customer')),
    subject_id   uuid        NOT NULL,
    reason       text        NOT NULL CHECK (reason IN ('several_candidates', 'name_and_postcode')),
    score        double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    -- settled: found out otherwise before anybody decided.
    status       text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'linked', 'created', 'rejected', 'settled')),
    contact_id   uuid,
    decision_id  uuid,
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    decided_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ticketing_reviews_inputs UNIQUE (tenant_id, inputs),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, decision_id) REFERENCES ticketing_decisions (tenant_id, id)
);
CREATE INDEX ticketing_reviews_status ON ticketing_reviews (tenant_id, status, id);
SELECT protect('ticketing_reviews', 'SELECT, INSERT, UPDATE');

CREATE TABLE ticketing_review_candidates (
    tenant_id  uuid   NOT NULL,
    review_id  uuid   NOT NULL,
    contact_id uuid   NOT NULL,
    score      double precision NOT NULL CHECK (score BETWEEN 0 AND 1),
    rule       text   NOT NULL CHECK (length(rule) <= 40),
    evidence   text[] NOT NULL DEFAULT '{}' CHECK (cardinality(evidence) <= 20),
    PRIMARY KEY (tenant_id, review_id, contact_id),
    FOREIGN KEY (tenant_id, review_id) REFERENCES ticketing_reviews (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
SELECT protect('ticketing_review_candidates');

-- People who share an address and may therefore share a home. It is proposed and
-- changes neither of them.
CREATE TABLE ticketing_household_proposals (
    tenant_id  uuid        NOT NULL,
    id         uuid        NOT NULL,
    contact_id uuid        NOT NULL,
    other_id   uuid        NOT NULL,
    reason     text        NOT NULL CHECK (reason IN ('shared_email')),
    order_id   uuid,
    status     text        NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'confirmed', 'dismissed')),
    version    bigint      NOT NULL DEFAULT 1,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    decided_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ticketing_household_proposals_pair UNIQUE (tenant_id, contact_id, other_id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, other_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id),
    CHECK (contact_id < other_id)
);
CREATE INDEX ticketing_household_proposals_other ON ticketing_household_proposals (tenant_id, other_id);
CREATE INDEX ticketing_household_proposals_status ON ticketing_household_proposals (tenant_id, status, id);
SELECT protect('ticketing_household_proposals', 'SELECT, INSERT, UPDATE');

-- Addresses that are known to be a service's, or known not to be: a whole
-- address, every address of a domain (@revente.example), or a local part
-- (billets@). What was learnt from sales gives way to what people say.
CREATE TABLE ticketing_mailboxes (
    tenant_id  uuid        NOT NULL,
    pattern    text        COLLATE "C" NOT NULL CHECK (length(pattern) BETWEEN 2 AND 254 AND position('@' IN pattern) > 0),
    is_generic boolean     NOT NULL,
    origin     text        NOT NULL CHECK (origin IN ('said', 'learnt')),
    note       text        CHECK (length(note) <= 400),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, pattern)
);
SELECT protect('ticketing_mailboxes');

-- Whoever does not see a contact does not learn what was decided about it.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticketing_decisions', 'ticketing_reviews', 'ticketing_review_candidates', 'ticketing_household_proposals'] LOOP
        EXECUTE format('CREATE POLICY sight ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT crm.sight_all()) OR contact_id IS NULL
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
        EXECUTE format('CREATE POLICY purpose ON %I AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()))', t);
    END LOOP;
END
$$;
CREATE POLICY sight_other ON ticketing_household_proposals AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = ticketing_household_proposals.tenant_id AND c.id = ticketing_household_proposals.other_id));
CREATE POLICY purpose ON ticketing_mailboxes AS RESTRICTIVE FOR SELECT TO parvis_app USING ((SELECT NOT crm.sight_bound()));
