-- What ticketing systems send, whatever the vendor.
--
-- ticketing_records holds the identity of everything a source names and the
-- two positions that decide what a late or repeated message may still change;
-- the other tables hold what the newest message said. All of it is a function
-- of the set of messages received, not of the order in which they came.

CREATE TABLE ticketing_sources (
    tenant_id        uuid        NOT NULL REFERENCES tenants (tenant_id),
    id               uuid        NOT NULL,
    code             text        COLLATE "C" NOT NULL CHECK (code ~ '^[a-z0-9][a-z0-9_-]{0,59}$'),
    name             text        NOT NULL CHECK (length(name) BETWEEN 1 AND 200),
    kind             text        NOT NULL CHECK (kind ~ '^[a-z][a-z0-9_]{0,39}$'),
    time_zone        text        NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
    currency         text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    -- precedence: of two sources that disagree about a contact, the lower number is believed.
    precedence       integer     NOT NULL DEFAULT 100 CHECK (precedence BETWEEN 0 AND 1000),
    status           text        NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'paused')),
    capabilities     text[]      NOT NULL DEFAULT '{}',
    last_received_at timestamptz,
    version          bigint      NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ticketing_sources_code UNIQUE (tenant_id, code)
);
SELECT protect('ticketing_sources');

CREATE TABLE ticketing_records (
    tenant_id           uuid        NOT NULL,
    source_id           uuid        NOT NULL,
    kind                text        NOT NULL CHECK (kind IN ('production', 'performance', 'price_type', 'customer', 'order', 'ticket')),
    external_id         text        COLLATE "C" NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    id                  uuid        NOT NULL,
    -- stub: something refers to it and it has not been described yet.
    stub                boolean     NOT NULL DEFAULT true,
    -- The position of the newest description and of the newest deletion. What
    -- is deleted is what was deleted after it was last described.
    content_version     bigint,
    content_modified_at timestamptz,
    content_hash        text        COLLATE "C" CHECK (length(content_hash) = 64),
    deletion_version    bigint,
    deletion_modified_at timestamptz,
    deleted             boolean     NOT NULL DEFAULT false,
    created_at          timestamptz NOT NULL DEFAULT now(),
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id, kind, external_id),
    UNIQUE (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
SELECT protect('ticketing_records', 'SELECT, INSERT, UPDATE');

-- Spectacle, exhibition, workshop: what performances are dates of.
CREATE TABLE ticketing_productions (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    external_id text        COLLATE "C" NOT NULL,
    name        jsonb       NOT NULL DEFAULT '{}',
    discipline  text        CHECK (length(discipline) <= 80),
    season      text        CHECK (length(season) <= 80),
    stub        boolean     NOT NULL DEFAULT true,
    deleted     boolean     NOT NULL DEFAULT false,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
SELECT protect('ticketing_productions', 'SELECT, INSERT, UPDATE');

CREATE TABLE ticketing_performances (
    tenant_id     uuid        NOT NULL,
    id            uuid        NOT NULL,
    source_id     uuid        NOT NULL,
    external_id   text        COLLATE "C" NOT NULL,
    production_id uuid,
    name          jsonb       NOT NULL DEFAULT '{}',
    -- Undated: open tickets, passes, shops.
    starts_at     timestamptz,
    ends_at       timestamptz,
    time_zone     text        NOT NULL CHECK (length(time_zone) BETWEEN 1 AND 64),
    venue         text        CHECK (length(venue) <= 200),
    capacity      integer     CHECK (capacity >= 0),
    status        text        NOT NULL DEFAULT 'scheduled' CHECK (status IN ('scheduled', 'cancelled', 'postponed', 'closed')),
    stub          boolean     NOT NULL DEFAULT true,
    deleted       boolean     NOT NULL DEFAULT false,
    version       bigint      NOT NULL DEFAULT 1,
    created_at    timestamptz NOT NULL DEFAULT now(),
    updated_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, production_id) REFERENCES ticketing_productions (tenant_id, id),
    CHECK (ends_at IS NULL OR starts_at IS NULL OR ends_at >= starts_at)
);
CREATE INDEX ticketing_performances_start ON ticketing_performances (tenant_id, starts_at, id);
CREATE INDEX ticketing_performances_production ON ticketing_performances (tenant_id, production_id) WHERE production_id IS NOT NULL;
SELECT protect('ticketing_performances', 'SELECT, INSERT, UPDATE');

CREATE TABLE ticketing_price_types (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    external_id text        COLLATE "C" NOT NULL,
    name        jsonb       NOT NULL DEFAULT '{}',
    class       text        NOT NULL DEFAULT 'other' CHECK (class IN ('full', 'reduced', 'free', 'subscription', 'school', 'group', 'partner', 'staff', 'other')),
    audience    text        CHECK (length(audience) <= 80),
    stub        boolean     NOT NULL DEFAULT true,
    deleted     boolean     NOT NULL DEFAULT false,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id)
);
SELECT protect('ticketing_price_types', 'SELECT, INSERT, UPDATE');

-- Accounts at a source. profile is what the source says, blank once deleted.
CREATE TABLE ticketing_customers (
    tenant_id   uuid        NOT NULL,
    id          uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    external_id text        COLLATE "C" NOT NULL,
    profile     jsonb,
    contact_id  uuid,
    match_rule  text        CHECK (length(match_rule) <= 40),
    match_score double precision CHECK (match_score BETWEEN 0 AND 1),
    match_inputs text        CHECK (length(match_inputs) = 64),
    stub        boolean     NOT NULL DEFAULT true,
    deleted     boolean     NOT NULL DEFAULT false,
    version     bigint      NOT NULL DEFAULT 1,
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ticketing_customers_contact ON ticketing_customers (tenant_id, contact_id) WHERE contact_id IS NOT NULL;
SELECT protect('ticketing_customers', 'SELECT, INSERT, UPDATE');

CREATE TABLE ticketing_orders (
    tenant_id        uuid        NOT NULL,
    id               uuid        NOT NULL,
    source_id        uuid        NOT NULL,
    external_id      text        COLLATE "C" NOT NULL,
    number           text        CHECK (length(number) <= 80),
    channel_kind     text        CHECK (channel_kind IN ('web', 'box_office', 'phone', 'reseller', 'partner', 'pass_culture', 'import', 'other')),
    channel_code     text        CHECK (length(channel_code) <= 80),
    placed_at        timestamptz,
    currency         text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    test             boolean     NOT NULL DEFAULT false,
    commercial_state text        NOT NULL DEFAULT 'reserved' CHECK (commercial_state IN ('reserved', 'confirmed', 'cancelled', 'expired')),
    -- Derived from the movements and from what is owed.
    payment_state    text        NOT NULL DEFAULT 'unpaid' CHECK (payment_state IN ('unpaid', 'partial', 'paid', 'overpaid', 'refunded', 'partially_refunded')),
    gross_minor      bigint      NOT NULL DEFAULT 0,
    due_minor        bigint      NOT NULL DEFAULT 0,
    paid_minor       bigint      NOT NULL DEFAULT 0,
    refunded_minor   bigint      NOT NULL DEFAULT 0,
    -- What the source said about people, kept as said.
    buyer            jsonb,
    payer            jsonb,
    consents         jsonb       NOT NULL DEFAULT '[]',
    customer_id      uuid,
    split_from_id    uuid,
    -- Who that is in the register, and on what evidence.
    contact_id       uuid,
    match_rule       text        CHECK (length(match_rule) <= 40),
    match_score      double precision CHECK (match_score BETWEEN 0 AND 1),
    match_inputs     text        CHECK (length(match_inputs) = 64),
    matched_at       timestamptz,
    stub             boolean     NOT NULL DEFAULT true,
    deleted          boolean     NOT NULL DEFAULT false,
    version          bigint      NOT NULL DEFAULT 1,
    created_at       timestamptz NOT NULL DEFAULT now(),
    updated_at       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id),
    FOREIGN KEY (tenant_id, customer_id) REFERENCES ticketing_customers (tenant_id, id),
    FOREIGN KEY (tenant_id, split_from_id) REFERENCES ticketing_orders (tenant_id, id),
    FOREIGN KEY (tenant_id, contact_id) REFERENCES contacts (tenant_id, id),
    CHECK (NOT test OR contact_id IS NULL)
);
CREATE INDEX ticketing_orders_placed ON ticketing_orders (tenant_id, placed_at DESC NULLS LAST, id DESC);
CREATE INDEX ticketing_orders_contact ON ticketing_orders (tenant_id, contact_id, placed_at DESC NULLS LAST, id DESC) WHERE contact_id IS NOT NULL;
CREATE INDEX ticketing_orders_customer ON ticketing_orders (tenant_id, customer_id) WHERE customer_id IS NOT NULL;
SELECT protect('ticketing_orders', 'SELECT, INSERT, UPDATE');

-- One row for each order that names a ticket. A ticket may be named by two
-- orders (a split whose other half has not arrived); it belongs to the one
-- whose description is newer, and the other row waits with current = false.
CREATE TABLE ticketing_lines (
    tenant_id      uuid        NOT NULL,
    order_id       uuid        NOT NULL,
    ticket_id      uuid        NOT NULL,
    current        boolean     NOT NULL DEFAULT true,
    rank           integer     NOT NULL,
    external_id    text        COLLATE "C" NOT NULL,
    kind           text        NOT NULL CHECK (kind IN ('ticket', 'pass', 'subscription', 'membership', 'gift_card', 'goods', 'donation', 'service')),
    performance_id uuid,
    price_type_id  uuid,
    label          text        CHECK (length(label) <= 200),
    amount_minor   bigint      NOT NULL,
    tax_minor      bigint,
    tax_rate_bp    integer     CHECK (tax_rate_bp BETWEEN 0 AND 10000),
    seat           text        CHECK (length(seat) <= 120),
    parent         text        CHECK (length(parent) <= 200),
    replaces       text        CHECK (length(replaces) <= 200),
    state          text        NOT NULL CHECK (state IN ('valid', 'cancelled', 'exchanged', 'resold', 'blocked', 'transferred')),
    holder         jsonb,
    holder_contact_id uuid,
    holder_rule    text        CHECK (length(holder_rule) <= 40),
    version        bigint      NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, order_id, ticket_id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id),
    FOREIGN KEY (tenant_id, ticket_id) REFERENCES ticketing_records (tenant_id, id),
    FOREIGN KEY (tenant_id, performance_id) REFERENCES ticketing_performances (tenant_id, id),
    FOREIGN KEY (tenant_id, price_type_id) REFERENCES ticketing_price_types (tenant_id, id),
    FOREIGN KEY (tenant_id, holder_contact_id) REFERENCES contacts (tenant_id, id)
);
CREATE INDEX ticketing_lines_ticket ON ticketing_lines (tenant_id, ticket_id);
CREATE INDEX ticketing_lines_performance ON ticketing_lines (tenant_id, performance_id, order_id) WHERE performance_id IS NOT NULL;
CREATE INDEX ticketing_lines_holder ON ticketing_lines (tenant_id, holder_contact_id) WHERE holder_contact_id IS NOT NULL;
SELECT protect('ticketing_lines');

CREATE TABLE ticketing_fees (
    tenant_id    uuid   NOT NULL,
    order_id     uuid   NOT NULL,
    external_id  text   COLLATE "C" NOT NULL,
    kind         text   NOT NULL CHECK (kind IN ('service', 'shipping', 'payment', 'insurance', 'cancellation', 'other')),
    label        text   CHECK (length(label) <= 200),
    amount_minor bigint NOT NULL,
    tax_minor    bigint,
    tax_rate_bp  integer CHECK (tax_rate_bp BETWEEN 0 AND 10000),
    state        text   NOT NULL CHECK (state IN ('valid', 'cancelled')),
    PRIMARY KEY (tenant_id, order_id, external_id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id)
);
SELECT protect('ticketing_fees');

-- Payments and refunds as the source states them now; the ledger below keeps
-- what that made of the order's money, and when.
CREATE TABLE ticketing_payments (
    tenant_id    uuid        NOT NULL,
    order_id     uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('payment', 'refund')),
    external_id  text        COLLATE "C" NOT NULL,
    method       text        NOT NULL CHECK (method IN ('card', 'cash', 'cheque', 'bank_transfer', 'direct_debit', 'gift_card', 'voucher', 'pass_culture', 'holiday_voucher', 'online', 'other')),
    amount_minor bigint      NOT NULL CHECK (amount_minor >= 0),
    state        text        NOT NULL CHECK (state IN ('pending', 'settled', 'failed', 'cancelled')),
    at           timestamptz,
    payment      text        CHECK (length(payment) <= 200),
    lines        text[]      NOT NULL DEFAULT '{}',
    reason       text        CHECK (length(reason) <= 200),
    PRIMARY KEY (tenant_id, order_id, kind, external_id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id)
);
SELECT protect('ticketing_payments');

-- The signed ledger: money in is positive, money out negative, and nothing is
-- ever changed or removed. A source that corrects itself adds an entry.
CREATE TABLE ticketing_movements (
    tenant_id    uuid        NOT NULL,
    id           uuid        NOT NULL,
    order_id     uuid        NOT NULL,
    kind         text        NOT NULL CHECK (kind IN ('payment', 'refund')),
    external_id  text        COLLATE "C" NOT NULL,
    amount_minor bigint      NOT NULL CHECK (amount_minor <> 0),
    currency     text        NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    method       text        NOT NULL CHECK (length(method) <= 40),
    reason       text        NOT NULL CHECK (reason IN ('recorded', 'corrected')),
    occurred_at  timestamptz,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, order_id) REFERENCES ticketing_orders (tenant_id, id)
);
CREATE INDEX ticketing_movements_order ON ticketing_movements (tenant_id, order_id, id);
SELECT protect('ticketing_movements', 'SELECT, INSERT');
