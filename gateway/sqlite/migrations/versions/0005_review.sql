-- What people decide about readings, and the log of what people did. Both are only added to.
--
-- A decision gives a reading another state (reading.state: 3 taken out by a person); the reading
-- itself, its verdicts and the decisions before stay. A reading that a person took at the meter
-- has batch_no 0: it came in no batch, its evidence stands in the decision.

-- previous: the SHA-256 of the entry before (see gateway/audit.py).
CREATE TABLE audit (
    audit_no INTEGER PRIMARY KEY,
    at_ms    INTEGER NOT NULL,
    actor    TEXT NOT NULL,
    via      TEXT NOT NULL,
    act      TEXT NOT NULL,
    subject  TEXT NOT NULL,
    before   TEXT NOT NULL,
    after    TEXT NOT NULL,
    why      TEXT NOT NULL,
    previous BLOB NOT NULL CHECK (length(previous) = 32)
) STRICT;

-- About the reading (register_no, captured_at_ms, copy). standing: a proposal changes nothing
-- until another person's decision confirms it. effect: by how much the register's accepted value
-- moved, at its power of ten; empty where there was none before. read_*: the value read at the
-- meter that takes its place, with the document that shows it. through_ms: up to when the order
-- was for the register's later readings in doubt too; each of them has a decision of its own.
CREATE TABLE decision (
    decision_no    INTEGER PRIMARY KEY,
    register_no    INTEGER NOT NULL REFERENCES register,
    captured_at_ms INTEGER NOT NULL,
    copy           INTEGER NOT NULL,
    act            TEXT NOT NULL
        CHECK (act IN ('accept', 'reject', 'replace', 'ask-photo', 'inspect')),
    standing       TEXT NOT NULL CHECK (standing IN ('done', 'proposed')),
    actor          TEXT NOT NULL,
    why            TEXT NOT NULL,
    at_ms          INTEGER NOT NULL,
    confirms       INTEGER REFERENCES decision,
    state_before   INTEGER NOT NULL,
    state_after    INTEGER NOT NULL,
    effect         INTEGER,
    read_at_ms     INTEGER,
    read_copy      INTEGER,
    read_mantissa  INTEGER,
    document       TEXT,
    document_sha256 BLOB CHECK (length(document_sha256) = 32),
    through_ms     INTEGER,
    audit_no       INTEGER NOT NULL REFERENCES audit,
    CHECK ((act = 'replace') = (read_mantissa IS NOT NULL)),
    CHECK ((read_mantissa IS NULL) = (document IS NULL)),
    CHECK ((read_mantissa IS NULL) = (read_at_ms IS NULL))
) STRICT;
CREATE INDEX decision_of_reading ON decision (register_no, captured_at_ms, copy);
CREATE INDEX decision_that_read ON decision (register_no, read_at_ms, read_copy)
    WHERE read_copy IS NOT NULL;

-- Suspects are found by what made them so.
CREATE INDEX verdict_by_severity ON verdict (severity);

-- So are the few lines that billing would not take.
CREATE INDEX delivery_refused ON delivery (event_no) WHERE state = 'refused';

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER decision_is_not_changed BEFORE UPDATE ON decision
BEGIN
    SELECT RAISE(ABORT, 'decisions are only added to');
END;
CREATE TRIGGER decision_is_not_removed BEFORE DELETE ON decision
BEGIN
    SELECT RAISE(ABORT, 'decisions are only added to');
END;
