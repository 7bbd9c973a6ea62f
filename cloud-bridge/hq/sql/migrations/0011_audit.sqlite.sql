-- The entries of the stores' audit trails.
CREATE TABLE audit_entry (
    hub TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    sequence INTEGER NOT NULL,
    number INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    act TEXT NOT NULL,
    station TEXT NOT NULL,
    operator TEXT,
    details TEXT NOT NULL,
    PRIMARY KEY (hub, epoch, sequence)
) STRICT, WITHOUT ROWID;
