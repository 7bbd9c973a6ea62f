-- The entries of the stores' audit trails.
CREATE TABLE audit_entry (
    hub TEXT COLLATE "C" NOT NULL,
    epoch BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    number BIGINT NOT NULL,
    at_ms BIGINT NOT NULL,
    act TEXT NOT NULL,
    station TEXT NOT NULL,
    operator TEXT,
    details TEXT NOT NULL,
    PRIMARY KEY (hub, epoch, sequence)
);
