-- Visits of installers: the records that devices seal, what became of them, and points that wait.

-- What a point is to have before a meter was ever there, as a person said it: where it is, and the
-- meter that is expected ('' for any).
CREATE TABLE point_plan (
    point_no INTEGER PRIMARY KEY REFERENCES point,
    place    TEXT NOT NULL,
    serial   TEXT NOT NULL,
    model    TEXT NOT NULL,
    factor   TEXT NOT NULL
) STRICT;

-- The registers that its meter is to have, shaped like those of `register`.
CREATE TABLE point_plan_register (
    point_no       INTEGER NOT NULL REFERENCES point,
    obis           TEXT NOT NULL,
    unit           TEXT NOT NULL,
    exponent       INTEGER NOT NULL CHECK (exponent BETWEEN -9 AND 9),
    digits         INTEGER NOT NULL CHECK (digits BETWEEN 1 AND 18),
    rate_max_per_h INTEGER NOT NULL CHECK (rate_max_per_h > 0),
    PRIMARY KEY (point_no, obis)
) STRICT, WITHOUT ROWID;

-- A record as its device sealed it (cloud_sync/visit.py). sealed: the bytes as they came; sha256:
-- of them. answer: what the device was told, which it is told again. number: counted by the device.
-- audit_no: the entry of its arrival.
CREATE TABLE visit (
    visit_no       INTEGER PRIMARY KEY,
    device_no      INTEGER NOT NULL REFERENCES device,
    number         INTEGER NOT NULL CHECK (number >= 1),
    sha256         BLOB NOT NULL CHECK (length(sha256) = 32),
    key_id         BLOB NOT NULL REFERENCES device_key,
    source         TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    audit_no       INTEGER NOT NULL REFERENCES audit,
    sealed         BLOB NOT NULL,
    answer         BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX visit_of_device ON visit (device_no, number);
CREATE INDEX visit_received ON visit (received_at_ms);

-- What became of its events; position: the event's place in the record, from 0. The newest step of
-- an event is where it stands. code: why a person is needed, a stable word, '' where none is.
CREATE TABLE visit_step (
    step_no  INTEGER PRIMARY KEY,
    visit_no INTEGER NOT NULL REFERENCES visit,
    position INTEGER NOT NULL CHECK (position >= 0),
    outcome  TEXT NOT NULL CHECK (outcome IN ('applied', 'needs-a-person', 'refused')),
    code     TEXT NOT NULL,
    said     TEXT NOT NULL,
    actor    TEXT NOT NULL,
    at_ms    INTEGER NOT NULL,
    audit_no INTEGER NOT NULL REFERENCES audit
) STRICT;
CREATE INDEX visit_step_of_event ON visit_step (visit_no, position, step_no);

-- Another record under a number that was taken: sealed by the device's own key all the same.
CREATE TABLE visit_rival (
    rival_no       INTEGER PRIMARY KEY,
    visit_no       INTEGER NOT NULL REFERENCES visit,
    sha256         BLOB NOT NULL CHECK (length(sha256) = 32),
    source         TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    sealed         BLOB NOT NULL,
    UNIQUE (visit_no, sha256)
) STRICT;

-- Photos of a visit. sha256: of the bytes that came, as the record names it; jpeg_sha256: of the
-- file that is kept. file: its name below the folder, NULL once it is deleted. answer: as above.
CREATE TABLE visit_photo (
    visit_no       INTEGER NOT NULL REFERENCES visit,
    sha256         BLOB NOT NULL CHECK (length(sha256) = 32),
    jpeg_sha256    BLOB NOT NULL CHECK (length(jpeg_sha256) = 32),
    file           TEXT UNIQUE,
    received_at_ms INTEGER NOT NULL,
    is_removed     INTEGER NOT NULL CHECK (is_removed IN (0, 1)),
    answer         BLOB NOT NULL,
    PRIMARY KEY (visit_no, sha256)
) STRICT, WITHOUT ROWID;
CREATE INDEX visit_photo_received ON visit_photo (received_at_ms) WHERE is_removed = 0;
