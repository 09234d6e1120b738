-- The rest of what ticketing systems know: venues, products, subscriptions and
-- memberships, gift cards, scans at the door, group bookings; and what is still
-- missing of productions, performances, prices, accounts, orders and lines.

ALTER TABLE ticketing_records DROP CONSTRAINT ticketing_records_kind_check;
ALTER TABLE ticketing_records
    ADD CONSTRAINT ticketing_records_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order', 'ticket',
        'venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking')) NOT VALID;
ALTER TABLE ticketing_records VALIDATE CONSTRAINT ticketing_records_kind_check;
ALTER TABLE ticketing_counts DROP CONSTRAINT ticketing_counts_kind_check;
ALTER TABLE ticketing_counts
    ADD CONSTRAINT ticketing_counts_kind_check CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order',
        'venue', 'product', 'membership', 'gift_card', 'scan', 'group_booking')) NOT VALID;
ALTER TABLE ticketing_counts VALIDATE CONSTRAINT ticketing_counts_kind_check;

-- How often in a row a complete window of the source was without the record,
-- and when the last such window was taken.
ALTER TABLE ticketing_records
    ADD COLUMN absences      smallint NOT NULL DEFAULT 0 CHECK (absences >= 0),
    ADD COLUMN missing_since timestamptz,
    ADD COLUMN absent_as_of  timestamptz;
CREATE INDEX ticketing_records_missing ON ticketing_records (tenant_id, source_id, kind) WHERE absences > 0;

-- What the institution decides about a source: what its codes mean here. Nothing
-- of it is guessed from what the source says.
ALTER TABLE ticketing_sources
    ADD COLUMN purpose_codes  jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(purpose_codes) = 'object'),
    ADD COLUMN price_classes  jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(price_classes) = 'object'),
    ADD COLUMN campaign_codes jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(campaign_codes) = 'object'),
    ADD COLUMN field_policies jsonb   NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(field_policies) = 'object'),
    ADD COLUMN grace_days     integer NOT NULL DEFAULT 0 CHECK (grace_days BETWEEN 0 AND 3660),
    ADD COLUMN renewal_days   integer NOT NULL DEFAULT 60 CHECK (renewal_days BETWEEN 0 AND 3660);

-- A place, or a hall within one (parent). sibil_type is the kind of place in the
-- State's ticketing return (decree 2017-926 of 9 May 2017).
CREATE TABLE ticketing_venues (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    external_id text        COLLATE "C" NOT NULL,
    name        jsonb       NOT NULL DEFAULT '{}',
    parent_id   uuid,
    street      text        CHECK (length(street) <= 200),
    postal_code text        CHECK (length(postal_code) <= 20),
    city        text        CHECK (length(city) <= 120),
    country     text        CHECK (country ~ '^[A-Z]{2}$'),
    siret       text        CHECK (siret ~ '^[0-9]{14}$'),
    sibil_type  text        CHECK (sibil_type IN ('THEATRE', 'ESPACE_POLYVALENT', 'CASINO_DISCOTHEQUE_HOTEL_CAFE_RESTAURANT', 'SALLE_CONCERT_AUDITORIUM_OPERA_ZENITH',
                                'CABARET_MUSIC_HALL', 'PLEIN_AIR_PARC_LOISIRS_ATTRACTION', 'STRUCTURE_ITINERANTE_DEMONTABLE_CHAPITEAU', 'LIEU_DE_CULTE', 'LIEU_DE_SANTE', 'AUTRE')),
    capacity    integer     CHECK (capacity >= 0),
    stub        boolean     NOT NULL DEFAULT true,
    deleted     boolean     NOT NULL DEFAULT false,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES ticketing_venues (tenant_id, id)
);
SELECT protect('ticketing_venues', 'SELECT, INSERT, UPDATE');

ALTER TABLE ticketing_productions
    ADD COLUMN festival       text CHECK (length(festival) <= 120),
    ADD COLUMN sibil_domain   text CHECK (length(sibil_domain) <= 120),
    ADD COLUMN young_audience boolean;

ALTER TABLE ticketing_performances
    ADD COLUMN venue_id       uuid,
    ADD COLUMN admission_at   timestamptz,
    ADD COLUMN sibil_domain   text CHECK (length(sibil_domain) <= 120),
    ADD COLUMN young_audience boolean,
    ADD COLUMN replaces_id    uuid,
    -- What the source says; status is cancelled also where the source no longer knows of it.
    ADD COLUMN stated_status  text CHECK (stated_status IN ('scheduled', 'cancelled', 'postponed', 'closed')),
    ADD FOREIGN KEY (tenant_id, venue_id) REFERENCES ticketing_venues (tenant_id, id),
    ADD FOREIGN KEY (tenant_id, replaces_id) REFERENCES ticketing_performances (tenant_id, id);
CREATE INDEX ticketing_performances_venue ON ticketing_performances (tenant_id, venue_id) WHERE venue_id IS NOT NULL;

-- The place of a performance was a text; it becomes a venue that nobody has
-- described yet. The owner may be subject to row-level security, and sees what
-- is there only without it.
ALTER TABLE ticketing_records NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_performances NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_venues NO FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_counts NO FORCE ROW LEVEL SECURITY;
INSERT INTO ticketing_records (tenant_id, source_id, kind, external_id, id, stub)
SELECT tenant_id, source_id, 'venue', venue, gen_random_uuid(), true FROM ticketing_performances WHERE venue <> '' GROUP BY tenant_id, source_id, venue;
INSERT INTO ticketing_venues (tenant_id, id, source_id, external_id)
SELECT tenant_id, id, source_id, external_id FROM ticketing_records WHERE kind = 'venue';
INSERT INTO ticketing_counts (tenant_id, source_id, kind, described, stubs, deleted)
SELECT tenant_id, source_id, 'venue', 0, count(*), 0 FROM ticketing_records WHERE kind = 'venue' GROUP BY tenant_id, source_id;
UPDATE ticketing_performances p SET venue_id = v.id FROM ticketing_venues v
WHERE v.tenant_id = p.tenant_id AND v.source_id = p.source_id AND v.external_id = p.venue;
UPDATE ticketing_performances SET stated_status = status WHERE NOT stub;
ALTER TABLE ticketing_counts FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_venues FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_performances FORCE ROW LEVEL SECURITY;
ALTER TABLE ticketing_records FORCE ROW LEVEL SECURITY;

-- stated_class is the source's own, class what counts here, and class_origin
-- says why: nobody's class is inferred.
ALTER TABLE ticketing_price_types
    ADD COLUMN stated_class text CHECK (stated_class IN ('full', 'reduced', 'free', 'subscription', 'school', 'group', 'partner', 'staff', 'other')),
    ADD COLUMN class_origin text NOT NULL DEFAULT 'unmapped' CHECK (class_origin IN ('mapped', 'stated', 'unmapped'));
ALTER TABLE ticketing_price_types NO FORCE ROW LEVEL SECURITY;
UPDATE ticketing_price_types SET stated_class = class, class_origin = 'stated' WHERE class <> 'other';
ALTER TABLE ticketing_price_types FORCE ROW LEVEL SECURITY;

ALTER TABLE ticketing_customers ADD COLUMN consents jsonb NOT NULL DEFAULT '[]', ADD COLUMN anonymized_at timestamptz;

ALTER TABLE ticketing_orders
    -- What the source says; commercial_state is cancelled also where the source no longer knows of the order.
    ADD COLUMN stated_state        text CHECK (stated_state IN ('reserved', 'confirmed', 'cancelled', 'expired')),
    ADD COLUMN cancellation_reason text CHECK (length(cancellation_reason) <= 200),
    ADD COLUMN anonymized_at       timestamptz;

-- What is sold: a ticket for one evening, a pass, a subscription, goods.
CREATE TABLE ticketing_products (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    source_id    uuid        NOT NULL,
    external_id  text        COLLATE "C" NOT NULL,
    name         jsonb       NOT NULL DEFAULT '{}',
    kind         text        NOT NULL DEFAULT 'ticket' CHECK (kind IN ('ticket', 'pass', 'subscription', 'membership', 'gift_card', 'goods', 'donation', 'service')),
    -- The rules of what is valid for a time; those of the source where absent.
    grace_days   integer     CHECK (grace_days BETWEEN 0 AND 3660),
    renewal_days integer     CHECK (renewal_days BETWEEN 0 AND 3660),
    usage_limit  integer     CHECK (usage_limit >= 0),
    benefits     text[]      NOT NULL DEFAULT '{}',
    stub         boolean     NOT NULL DEFAULT true,
    deleted      boolean     NOT NULL DEFAULT false,
    version      bigint      NOT NULL DEFAULT 1,
    created_at   timestamptz NOT NULL DEFAULT now(),
    updated_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
SELECT protect('ticketing_products', 'SELECT, INSERT, UPDATE');

ALTER TABLE ticketing_lines
    ADD COLUMN product_id   uuid,
    -- Why nothing or less was paid: invitation, staff, partner, school …
    ADD COLUMN exemption    text CHECK (length(exemption) <= 80),
    -- The offer it was bought with, and the campaign that gave it out.
    ADD COLUMN voucher_code text CHECK (length(voucher_code) <= 120),
    ADD COLUMN campaign     text CHECK (length(campaign) <= 120),
    ADD FOREIGN KEY (tenant_id, product_id) REFERENCES ticketing_products (tenant_id, id);
CREATE INDEX ticketing_lines_replaces ON ticketing_lines (tenant_id, replaces) WHERE replaces IS NOT NULL;
CREATE INDEX ticketing_lines_voucher ON ticketing_lines (tenant_id, voucher_code) WHERE voucher_code IS NOT NULL;
CREATE INDEX ticketing_lines_campaign ON ticketing_lines (tenant_id, campaign) WHERE campaign IS NOT NULL;

-- Subscriptions, passes and memberships. What they are worth on a day is derived
-- from dates, rules and uses; stated_state is what the source calls it.
CREATE TABLE ticketing_memberships (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    source_id     uuid        NOT NULL,
    external_id   text        COLLATE "C" NOT NULL,
    kind          text        NOT NULL DEFAULT 'membership' CHECK (kind IN ('subscription', 'pass', 'membership')),
    number        text        CHECK (length(number) <= 80),
    product_id    uuid,
    customer_id   uuid,
    order_id      uuid,
    ticket_id     uuid,
    holder        jsonb,
    valid_from    timestamptz,
    -- The first instant at which it is no longer valid.
    valid_until   timestamptz,
    time_zone     text        NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
    usage_limit   integer     CHECK (usage_limit >= 0),
    usages        integer     CHECK (usages >= 0),
    benefits      text[]      NOT NULL DEFAULT '{}',
    auto_renew    boolean     NOT NULL DEFAULT false,
    renews_id     uuid,
    test          boolean     NOT NULL DEFAULT false,
    stated_state  text        CHECK (length(stated_state) <= 40),
    cancelled_at  timestamptz,
    -- The source no longer knows of it.
    absent_at     timestamptz,
    -- Whose it is in the register, and by which reference that is known.
    contact_id    uuid,
    contact_rule  text        CHECK (length(contact_rule) <= 40),
    -- What others have been told of it, and when that changes by itself.
    told_status   text        CHECK (length(told_status) <= 20),
    due_at        timestamptz,
    anonymized_at timestamptz,
    stub          boolean     NOT NULL DEFAULT true,
    deleted       boolean     NOT NULL DEFAULT false,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, product_id) REFERENCES ticketing_products (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES ticketing_customers (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id),
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, renews_id) REFERENCES ticketing_memberships (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ticketing_memberships_contact ON ticketing_memberships (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_memberships_customer ON ticketing_memberships (tenant_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX ticketing_memberships_order ON ticketing_memberships (tenant_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX ticketing_memberships_ticket ON ticketing_memberships (tenant_id, ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX ticketing_memberships_renews ON ticketing_memberships (tenant_id, renews_id) WHERE renews_id IS NOT NULL;
CREATE INDEX ticketing_memberships_due ON ticketing_memberships (tenant_id, due_at) WHERE due_at IS NOT NULL;
SELECT protect('ticketing_memberships', 'SELECT, INSERT, UPDATE');

-- What a membership is worth at an instant, whatever its source calls it: the
-- source is believed where it says cancelled, suspended or pending, and dates,
-- uses, the days of grace and a successor (renewed_from) say the rest.
CREATE FUNCTION membership_status(stated text, cancelled_at timestamptz, absent_at timestamptz, valid_from timestamptz, valid_until timestamptz,
    usage_limit integer, usages integer, grace_days integer, renewed_from timestamptz, instant timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$
    SELECT CASE
        WHEN cancelled_at <= instant OR (stated = 'cancelled' AND cancelled_at IS NULL) OR absent_at <= instant THEN 'cancelled'
        WHEN valid_until <= instant AND renewed_from <= instant THEN 'renewed'
        WHEN valid_until <= instant - make_interval(days => grace_days) THEN 'expired'
        WHEN stated = 'pending' OR valid_from > instant THEN 'pending'
        WHEN stated = 'suspended' THEN 'suspended'
        WHEN valid_until <= instant THEN 'grace'
        WHEN usages >= usage_limit THEN 'used_up'
        ELSE 'active'
    END
    $$;

-- Gift cards. The code opens the money, so only a keyed hash and its last four
-- characters are kept.
CREATE TABLE ticketing_gift_cards (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    source_id     uuid        NOT NULL,
    external_id   text        COLLATE "C" NOT NULL,
    code_hash     text        COLLATE "C" CHECK (length(code_hash) = 64),
    last_four     text        CHECK (length(last_four) BETWEEN 1 AND 4),
    currency      text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    balance_minor bigint      NOT NULL DEFAULT 0,
    expires_at    timestamptz,
    stated_state  text        CHECK (length(stated_state) <= 40),
    product_id    uuid,
    customer_id   uuid,
    order_id      uuid,
    ticket_id     uuid,
    test          boolean     NOT NULL DEFAULT false,
    -- What the source lists of what happened to it; the ledger is what that made of it.
    transactions  jsonb       NOT NULL DEFAULT '[]',
    absent_at     timestamptz,
    contact_id    uuid,
    contact_rule  text        CHECK (length(contact_rule) <= 40),
    anonymized_at timestamptz,
    stub          boolean     NOT NULL DEFAULT true,
    deleted       boolean     NOT NULL DEFAULT false,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, product_id) REFERENCES ticketing_products (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES ticketing_customers (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id),
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ticketing_gift_cards_contact ON ticketing_gift_cards (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_gift_cards_customer ON ticketing_gift_cards (tenant_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX ticketing_gift_cards_order ON ticketing_gift_cards (tenant_id, order_id) WHERE order_id IS NOT NULL;
CREATE INDEX ticketing_gift_cards_ticket ON ticketing_gift_cards (tenant_id, ticket_id) WHERE ticket_id IS NOT NULL;
SELECT protect('ticketing_gift_cards', 'SELECT, INSERT, UPDATE');

-- The signed ledger of each card: loaded is positive, spent negative, nothing is
-- ever changed or removed. external_id is empty for what the source's balance
-- says and none of its transactions explains.
CREATE TABLE ticketing_gift_card_entries (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    gift_card_id uuid        NOT NULL,
    external_id  text        COLLATE "C" NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor <> 0),
    currency     text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason       text        NOT NULL CHECK (reason IN ('recorded', 'corrected')),
    occurred_at  timestamptz,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, gift_card_id) REFERENCES ticketing_gift_cards (tenant_id, id)
);
CREATE INDEX ticketing_gift_card_entries_card ON ticketing_gift_card_entries (tenant_id, gift_card_id, id);
SELECT protect('ticketing_gift_card_entries', 'SELECT, INSERT');

-- What was read at a door. attended is the one scan by which a ticket counts as
-- used for a performance: its first accepted entry that was not annulled.
CREATE TABLE ticketing_scans (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    source_id      uuid        NOT NULL,
    external_id    text        COLLATE "C" NOT NULL,
    ticket_id      uuid,
    performance_id uuid,
    -- The performance said by the scan, or else by the ticket.
    entered_id     uuid,
    occurred_at    timestamptz,
    recorded_at    timestamptz,
    direction      text        NOT NULL DEFAULT 'entry' CHECK (direction IN ('entry', 'exit')),
    result         text        NOT NULL DEFAULT 'accepted' CHECK (result IN ('accepted', 'refused', 'annulled')),
    reason         text        CHECK (length(reason) <= 200),
    gate           text        CHECK (length(gate) <= 120),
    -- Recorded more than seven days after the performance: kept, and changes nothing.
    late           boolean     NOT NULL DEFAULT false,
    attended       boolean     NOT NULL DEFAULT false,
    absent_at      timestamptz,
    stub           boolean     NOT NULL DEFAULT true,
    deleted        boolean     NOT NULL DEFAULT false,
    version        bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, performance_id) REFERENCES ticketing_performances (tenant_id, id),
    FOREIGN KEY (tenant_id, entered_id) REFERENCES ticketing_performances (tenant_id, id)
);
CREATE INDEX ticketing_scans_listed ON ticketing_scans (tenant_id, occurred_at DESC NULLS LAST, id DESC);
CREATE INDEX ticketing_scans_ticket ON ticketing_scans (tenant_id, ticket_id) WHERE ticket_id IS NOT NULL;
CREATE INDEX ticketing_scans_entered ON ticketing_scans (tenant_id, entered_id) WHERE entered_id IS NOT NULL;
SELECT protect('ticketing_scans', 'SELECT, INSERT, UPDATE');

-- Schools, works councils, associations: who comes with how many of which class.
CREATE TABLE ticketing_group_bookings (
    tenant_id      uuid        NOT NULL,
    id             uuid        NOT NULL,
    source_id      uuid        NOT NULL,
    external_id    text        COLLATE "C" NOT NULL,
    number         text        CHECK (length(number) <= 80),
    state          text        NOT NULL DEFAULT 'requested' CHECK (state IN ('requested', 'option', 'confirmed', 'cancelled')),
    stated_state   text        CHECK (stated_state IN ('requested', 'option', 'confirmed', 'cancelled')),
    placed_at      timestamptz,
    performance_id uuid,
    order_id       uuid,
    test           boolean     NOT NULL DEFAULT false,
    organisation   jsonb,
    person         jsonb,
    organisation_customer_id uuid,
    person_customer_id       uuid,
    -- [{class, count}]
    headcount      jsonb       NOT NULL DEFAULT '[]',
    absent_at      timestamptz,
    -- contact_id is the organisation's.
    contact_id        uuid,
    contact_rule      text     CHECK (length(contact_rule) <= 40),
    person_contact_id uuid,
    anonymized_at  timestamptz,
    stub           boolean     NOT NULL DEFAULT true,
    deleted        boolean     NOT NULL DEFAULT false,
    version        bigint      NOT NULL DEFAULT 1,
    created_at     timestamptz NOT NULL DEFAULT now(),
    updated_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, performance_id) REFERENCES ticketing_performances (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id),
    FOREIGN KEY (tenant_id, organisation_customer_id) REFERENCES ticketing_customers (tenant_id, id),
    FOREIGN KEY (tenant_id, person_customer_id) REFERENCES ticketing_customers (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    FOREIGN KEY (tenant_id, person_contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ticketing_group_bookings_contact ON ticketing_group_bookings (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_group_bookings_person ON ticketing_group_bookings (tenant_id, person_contact_id) WHERE person_contact_id IS NOT NULL;
CREATE INDEX ticketing_group_bookings_customers ON ticketing_group_bookings (tenant_id, organisation_customer_id) WHERE organisation_customer_id IS NOT NULL;
CREATE INDEX ticketing_group_bookings_persons ON ticketing_group_bookings (tenant_id, person_customer_id) WHERE person_customer_id IS NOT NULL;
CREATE INDEX ticketing_group_bookings_order ON ticketing_group_bookings (tenant_id, order_id) WHERE order_id IS NOT NULL;
SELECT protect('ticketing_group_bookings', 'SELECT, INSERT, UPDATE');

-- Who may see them: as orders and accounts are seen.
DO $$
DECLARE
    t text;
BEGIN
    FOREACH t IN ARRAY ARRAY['ticketing_memberships', 'ticketing_gift_cards', 'ticketing_group_bookings'] LOOP
        EXECUTE format('CREATE POLICY sight ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT crm.sight_all()) OR contact_id IS NULL
            OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = %1$I.tenant_id AND c.id = %1$I.contact_id))', t);
        EXECUTE format('CREATE POLICY purpose ON %1$I AS RESTRICTIVE FOR SELECT TO parvis_app USING (
            (SELECT NOT crm.sight_bound()) OR (contact_id IS NOT NULL AND crm.sight_unopposed(tenant_id, contact_id)))', t);
    END LOOP;
END
$$;
CREATE POLICY person ON ticketing_group_bookings AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR person_contact_id IS NULL
    OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = ticketing_group_bookings.tenant_id AND c.id = ticketing_group_bookings.person_contact_id));
CREATE POLICY sight ON ticketing_gift_card_entries AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR EXISTS (SELECT 1 FROM ticketing_gift_cards g WHERE g.tenant_id = ticketing_gift_card_entries.tenant_id AND g.id = ticketing_gift_card_entries.gift_card_id));
-- A scan is its ticket's: seen where some order shows the ticket.
CREATE POLICY sight ON ticketing_scans AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all()) OR ticket_id IS NULL
    OR EXISTS (SELECT 1 FROM ticketing_lines l WHERE l.tenant_id = ticketing_scans.tenant_id AND l.ticket_id = ticketing_scans.ticket_id));

-- Events about them.
DROP POLICY sight ON events;
CREATE POLICY sight ON events AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT crm.sight_all())
    OR (CASE
            WHEN crm.event_contact(subject_kind, subject_id, facts) IS NOT NULL THEN
                EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = events.tenant_id AND c.id = crm.event_contact(events.subject_kind, events.subject_id, events.facts))
            WHEN subject_kind = 'order' THEN
                EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = events.subject_id)
            WHEN subject_kind = 'ticket' THEN
                EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = (events.facts ->> 'order_id')::uuid)
            WHEN subject_kind = 'ticketing_customer' THEN
                EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = events.tenant_id AND u.id = events.subject_id)
            WHEN subject_kind = 'membership' THEN
                EXISTS (SELECT 1 FROM ticketing_memberships m WHERE m.tenant_id = events.tenant_id AND m.id = events.subject_id)
            WHEN subject_kind = 'gift_card' THEN
                EXISTS (SELECT 1 FROM ticketing_gift_cards g WHERE g.tenant_id = events.tenant_id AND g.id = events.subject_id)
            WHEN subject_kind = 'scan' THEN
                EXISTS (SELECT 1 FROM ticketing_scans s WHERE s.tenant_id = events.tenant_id AND s.id = events.subject_id)
            WHEN subject_kind = 'group_booking' THEN
                EXISTS (SELECT 1 FROM ticketing_group_bookings b WHERE b.tenant_id = events.tenant_id AND b.id = events.subject_id)
            ELSE true
        END
        AND (facts ->> 'previous_contact_id' IS NULL
             OR EXISTS (SELECT 1 FROM contacts c WHERE c.tenant_id = events.tenant_id AND c.id = (events.facts ->> 'previous_contact_id')::uuid))));
DROP POLICY purpose ON events;
CREATE POLICY purpose ON events AS RESTRICTIVE FOR SELECT TO parvis_app USING (
    (SELECT NOT crm.sight_bound())
    OR CASE subject_kind
           WHEN 'contact' THEN true -- the policy sight asks whether the contact is seen
           WHEN 'contact_point' THEN EXISTS (SELECT 1 FROM contact_points p WHERE p.tenant_id = events.tenant_id AND p.id = events.subject_id)
           WHEN 'address' THEN EXISTS (SELECT 1 FROM addresses a WHERE a.tenant_id = events.tenant_id AND a.id = events.subject_id)
           WHEN 'consent' THEN EXISTS (SELECT 1 FROM consents e WHERE e.tenant_id = events.tenant_id AND e.id = events.subject_id)
           WHEN 'order' THEN EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = events.subject_id)
           WHEN 'ticket' THEN EXISTS (SELECT 1 FROM ticketing_orders o WHERE o.tenant_id = events.tenant_id AND o.id = (events.facts ->> 'order_id')::uuid)
           WHEN 'ticketing_customer' THEN EXISTS (SELECT 1 FROM ticketing_customers u WHERE u.tenant_id = events.tenant_id AND u.id = events.subject_id)
           WHEN 'membership' THEN EXISTS (SELECT 1 FROM ticketing_memberships m WHERE m.tenant_id = events.tenant_id AND m.id = events.subject_id)
           WHEN 'gift_card' THEN EXISTS (SELECT 1 FROM ticketing_gift_cards g WHERE g.tenant_id = events.tenant_id AND g.id = events.subject_id)
           WHEN 'group_booking' THEN EXISTS (SELECT 1 FROM ticketing_group_bookings b WHERE b.tenant_id = events.tenant_id AND b.id = events.subject_id)
           ELSE false
       END);

REVOKE ALL ON FUNCTION membership_status(text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, integer, timestamptz, timestamptz) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION membership_status(text, timestamptz, timestamptz, timestamptz, timestamptz, integer, integer, integer, timestamptz, timestamptz) TO parvis_app;
