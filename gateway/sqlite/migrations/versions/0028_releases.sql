-- Releases of the edge's software: what is kept here, rings of devices, offers and their ends.

-- statement: sealed by the release key as it came; manifest: the SHA-256 it names, and the name of
-- the folder with the files.
CREATE TABLE software_release (
    release_no  INTEGER PRIMARY KEY,
    software    TEXT NOT NULL,
    arch        TEXT NOT NULL CHECK (arch IN ('amd64', 'arm64', 'armhf')),
    manifest    BLOB NOT NULL UNIQUE CHECK (length(manifest) = 32),
    statement   BLOB NOT NULL,
    added_at_ms INTEGER NOT NULL,
    added_by    TEXT NOT NULL,
    UNIQUE (software, arch)
) STRICT;

-- Where a device is not in the outermost ring, or its machine is known. arch: '' while it is not.
CREATE TABLE software_ring (
    device_no INTEGER PRIMARY KEY REFERENCES device,
    ring      INTEGER NOT NULL CHECK (ring BETWEEN 0 AND 9),
    arch      TEXT NOT NULL CHECK (arch IN ('', 'amd64', 'arm64', 'armhf'))
) STRICT;

-- number: of the command that offered it. runs: the version the device said it runs, '' until then.
CREATE TABLE software_offer (
    offer_no   INTEGER PRIMARY KEY,
    device_no  INTEGER NOT NULL REFERENCES device,
    release_no INTEGER NOT NULL REFERENCES software_release,
    number     INTEGER NOT NULL CHECK (number >= 1),
    ring       INTEGER NOT NULL CHECK (ring BETWEEN 0 AND 9),
    step       TEXT NOT NULL
        CHECK (step IN ('offered', 'fetching', 'running', 'rolled-back', 'refused')),
    runs       TEXT NOT NULL,
    reason     TEXT NOT NULL,
    step_at_ms INTEGER NOT NULL,
    UNIQUE (device_no, number)
) STRICT;
CREATE INDEX software_offer_of_release ON software_offer (release_no, device_no, offer_no);

-- A command of one more kind.
CREATE TABLE command_new (
    command_no     INTEGER PRIMARY KEY,
    device_no      INTEGER NOT NULL REFERENCES device,
    number         INTEGER NOT NULL CHECK (number >= 1),
    kind           TEXT NOT NULL CHECK (kind IN ('read-now', 'resend', 'report', 'update')),
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
INSERT INTO command_new SELECT command_no, device_no, number, kind, told, issued_at_ms,
    expires_at_ms, issued_by, message, outcome, reason, ended_at_ms, answer FROM command;
DROP TABLE command;
ALTER TABLE command_new RENAME TO command;
CREATE INDEX command_waiting ON command (device_no, number) WHERE outcome IS NULL;
