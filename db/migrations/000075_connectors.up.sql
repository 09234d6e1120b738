-- Comparison with vendors, and what vendors are asked to do.

ALTER TABLE connector_states
    ADD COLUMN reconciled_at timestamptz,
    -- reconciled_with: how many differences the last comparison found.
    ADD COLUMN reconciled_with integer;

-- Orders that a complete comparison did not find at the vendor. One absence may
-- be a fault of the vendor's; the second in a row counts.
CREATE TABLE connector_absences (
    tenant_id   uuid        NOT NULL,
    source_id   uuid        NOT NULL,
    external_id text        COLLATE "C" NOT NULL CHECK (length(external_id) BETWEEN 1 AND 200),
    times       integer     NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL DEFAULT now(),
    last_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, source_id, external_id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id) ON DELETE CASCADE
);
SELECT protect('connector_absences');

CREATE TABLE connector_commands (
    tenant_id       uuid        NOT NULL,
    id              uuid        NOT NULL,
    source_id       uuid        NOT NULL,
    kind            text        NOT NULL CHECK (kind ~ '^[a-z]+\.[a-z]+$'),
    -- data: what is asked for, sealed; removed when the command has ended.
    data            bytea,
    status          text        NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'sent', 'confirmed', 'rejected')),
    attempts        integer     NOT NULL DEFAULT 0,
    due_at          timestamptz NOT NULL DEFAULT now(),
    -- result: the vendor's names of what came of it; error: why it did not.
    result_kind     text        CHECK (length(result_kind) <= 40),
    result_id       text        CHECK (length(result_id) <= 200),
    error           text        CHECK (length(error) <= 500),
    version         bigint      NOT NULL DEFAULT 1,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    sent_at         timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, source_id) REFERENCES ticketing_sources (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX connector_commands_source ON connector_commands (tenant_id, source_id, created_at DESC, id DESC);
CREATE INDEX connector_commands_open ON connector_commands (tenant_id, source_id, id) WHERE status IN ('queued', 'sent');
SELECT protect('connector_commands');
