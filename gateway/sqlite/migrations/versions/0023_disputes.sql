-- Disputes that residents open, and the signed acts of what they gave.

-- number: what the resident follows it by, not to be guessed. subject: an act, a bill line or a
-- meter, by kind; empty where no meter is shown. said: the resident's words. due_at_ms: until when
-- an answer is owed.
CREATE TABLE dispute (
    dispute_no   INTEGER PRIMARY KEY,
    number       TEXT NOT NULL UNIQUE,
    account_no   INTEGER NOT NULL REFERENCES account,
    kind         TEXT NOT NULL CHECK (kind IN ('reading', 'line', 'no-meter', 'wrong-meter')),
    subject      TEXT NOT NULL,
    said         TEXT NOT NULL,
    opened_at_ms INTEGER NOT NULL,
    due_at_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX dispute_of_account ON dispute (account_no, opened_at_ms);

-- Its states, the newest of which is the one it is in. actor: 'resident', or the name of the
-- operator's person; told: what the resident is told with it. audit_no: the entry of the log.
CREATE TABLE dispute_step (
    step_no    INTEGER PRIMARY KEY,
    dispute_no INTEGER NOT NULL REFERENCES dispute,
    state      TEXT NOT NULL CHECK (state IN ('received', 'in-work', 'answered', 'withdrawn')),
    actor      TEXT NOT NULL,
    told       TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    audit_no   INTEGER NOT NULL REFERENCES audit
) STRICT;
CREATE INDEX dispute_step_of_dispute ON dispute_step (dispute_no, step_no);

-- What was signed when a resident gave a reading: a COSE_Sign1 message and its SHA-256. sealed is
-- empty once the person was forgotten; the paper in somebody's hand is still known by its digest.
CREATE TABLE resident_act (
    number     TEXT PRIMARY KEY,
    account_no INTEGER NOT NULL REFERENCES account,
    sealed     BLOB NOT NULL,
    digest     BLOB NOT NULL,
    made_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX resident_act_of_account ON resident_act (account_no, made_at_ms);
