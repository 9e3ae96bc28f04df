-- The gateway's word: commands to devices, and what they answered.

-- message: the sealed command as it is published, again and again, until it is answered or over.
-- number rises per device and is never below the gateway's clock at issuing.
-- outcome: NULL while it waits; 'done' or 'refused' as the device signed it, 'expired' without.
CREATE TABLE command (
    command_no     INTEGER PRIMARY KEY,
    device_no      INTEGER NOT NULL REFERENCES device,
    number         INTEGER NOT NULL CHECK (number >= 1),
    kind           TEXT NOT NULL CHECK (kind IN ('read-now', 'resend', 'report')),
    told           TEXT NOT NULL,
    issued_at_ms   INTEGER NOT NULL,
    expires_at_ms  INTEGER NOT NULL CHECK (expires_at_ms > issued_at_ms),
    issued_by      TEXT NOT NULL,
    message        BLOB NOT NULL,
    outcome        TEXT CHECK (outcome IN ('done', 'refused', 'expired')),
    reason         TEXT NOT NULL DEFAULT '',
    ended_at_ms    INTEGER,
    -- The sealed answer as it came.
    answer         BLOB,
    UNIQUE (device_no, number),
    CHECK ((outcome IS NULL) = (ended_at_ms IS NULL)),
    CHECK (outcome IS NOT 'expired' OR answer IS NULL)
) STRICT;
CREATE INDEX command_waiting ON command (device_no, number) WHERE outcome IS NULL;
