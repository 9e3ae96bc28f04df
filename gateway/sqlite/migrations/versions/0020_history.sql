-- Who follows what changes in the ledger, roll-ups of readings, and what was put into files.

-- What happened to a reading after it was stored, and claims that became readings; together with
-- batches and decisions (each by its rising number) this is the stream of changes
-- (gateway/stream.py). batch_no: a batch whose readings got their time only now. state_before: the
-- state that the reading left, NULL where it left none.
CREATE TABLE reading_change (
    change_no      INTEGER PRIMARY KEY,
    batch_no       INTEGER,
    register_no    INTEGER,
    captured_at_ms INTEGER,
    copy           INTEGER,
    state_before   INTEGER,
    CHECK ((batch_no IS NULL) = (register_no IS NOT NULL))
) STRICT;

-- How far each follower has come: everything up to these numbers reached it. scanning: it still
-- goes through what was stored before, register by register, and has come to this reading.
CREATE TABLE stream_reader (
    name           TEXT PRIMARY KEY,
    batch_no       INTEGER NOT NULL,
    change_no      INTEGER NOT NULL,
    decision_no    INTEGER NOT NULL,
    scanning       INTEGER NOT NULL CHECK (scanning IN (0, 1)),
    register_no    INTEGER NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    copy           INTEGER NOT NULL,
    sent           INTEGER NOT NULL,
    moved_at_ms    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A row only inside the transaction that takes readings out which stand in a checked file.
CREATE TABLE archiving_now (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1)
) STRICT;

CREATE TRIGGER reading_was_changed AFTER UPDATE OF mantissa, state, flags ON reading
WHEN OLD.state <> NEW.state OR OLD.flags <> NEW.flags OR OLD.mantissa <> NEW.mantissa
BEGIN
    INSERT INTO reading_change (register_no, captured_at_ms, copy, state_before)
    VALUES (NEW.register_no, NEW.captured_at_ms, NEW.copy,
        CASE WHEN OLD.state <> NEW.state THEN OLD.state END);
END;
CREATE TRIGGER reading_was_taken_out AFTER DELETE ON reading
WHEN NOT EXISTS (SELECT 1 FROM archiving_now)
BEGIN
    INSERT INTO reading_change (register_no, captured_at_ms, copy, state_before)
    VALUES (OLD.register_no, OLD.captured_at_ms, OLD.copy, OLD.state);
END;
CREATE TRIGGER batch_was_placed AFTER DELETE ON waiting
BEGIN
    INSERT INTO reading_change (batch_no) VALUES (OLD.batch_no);
END;

-- The accepted readings of devices of a register's day (YYYY-MM-DD) and month (YYYY-MM) on the
-- clocks of the house. rolled: how many of them, but for the first, passed the last digit;
-- first_rolled: whether the first one did.
CREATE TABLE rollup_day (
    register_no    INTEGER NOT NULL,
    day            TEXT NOT NULL,
    first_at_ms    INTEGER NOT NULL,
    first_mantissa INTEGER NOT NULL,
    first_rolled   INTEGER NOT NULL,
    last_at_ms     INTEGER NOT NULL,
    last_mantissa  INTEGER NOT NULL,
    least          INTEGER NOT NULL,
    greatest       INTEGER NOT NULL,
    readings       INTEGER NOT NULL,
    rolled         INTEGER NOT NULL,
    PRIMARY KEY (register_no, day)
) STRICT, WITHOUT ROWID;
CREATE TABLE rollup_month (
    register_no    INTEGER NOT NULL,
    month          TEXT NOT NULL,
    first_at_ms    INTEGER NOT NULL,
    first_mantissa INTEGER NOT NULL,
    first_rolled   INTEGER NOT NULL,
    last_at_ms     INTEGER NOT NULL,
    last_mantissa  INTEGER NOT NULL,
    least          INTEGER NOT NULL,
    greatest       INTEGER NOT NULL,
    readings       INTEGER NOT NULL,
    rolled         INTEGER NOT NULL,
    PRIMARY KEY (register_no, month)
) STRICT, WITHOUT ROWID;

-- The files that readings of a month (UTC, YYYY-MM) and group of houses went into. taken_at_ms:
-- when the ledger let go of them; restored_at_ms: when they were put back, NULL while they are not.
CREATE TABLE archive_file (
    digest         TEXT PRIMARY KEY,
    month          TEXT NOT NULL,
    house_group    TEXT NOT NULL,
    file           TEXT NOT NULL,
    readings       INTEGER NOT NULL,
    written_at_ms  INTEGER NOT NULL,
    taken_at_ms    INTEGER,
    restored_at_ms INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX archive_file_of_month ON archive_file (month);

-- By which name files know this ledger; given with the first file.
CREATE TABLE ledger_identity (
    only_row  INTEGER PRIMARY KEY CHECK (only_row = 1),
    ledger_id TEXT NOT NULL
) STRICT;

-- The readings that lines and corrections, withdrawn ones too, begin and end with.
CREATE INDEX written_line_opening ON written_line (opening_register_no, opening_at_ms);
CREATE INDEX written_line_closing ON written_line (closing_register_no, closing_at_ms);
CREATE INDEX written_correction_opening
    ON written_correction (opening_register_no, opening_at_ms);
CREATE INDEX written_correction_closing
    ON written_correction (closing_register_no, closing_at_ms);
CREATE VIEW line_mark AS
SELECT opening_register_no AS register_no, opening_at_ms AS at_ms, opening_copy AS copy
FROM written_line WHERE opening_copy IS NOT NULL
UNION ALL
SELECT closing_register_no, closing_at_ms, closing_copy
FROM written_line WHERE closing_copy IS NOT NULL
UNION ALL
SELECT opening_register_no, opening_at_ms, opening_copy
FROM written_correction WHERE opening_copy IS NOT NULL
UNION ALL
SELECT closing_register_no, closing_at_ms, closing_copy
FROM written_correction WHERE closing_copy IS NOT NULL;
