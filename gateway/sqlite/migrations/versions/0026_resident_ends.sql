-- Residents are told what becomes of a dispute: two more kinds of messages, and what one is about.

-- As in 0021, with kinds 'taken' and 'answered' (a dispute was), and `about`: the dispute's number.
CREATE TABLE resident_message_new (
    message_no INTEGER PRIMARY KEY,
    account_no INTEGER NOT NULL REFERENCES account,
    contact_no INTEGER NOT NULL REFERENCES contact,
    asking_no  INTEGER REFERENCES asking,
    kind       TEXT NOT NULL
        CHECK (kind IN ('ask', 'reminder', 'code', 'link', 'taken', 'answered')),
    link_no    INTEGER NOT NULL REFERENCES resident_link,
    code_no    INTEGER REFERENCES resident_code,
    state      TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'dropped', 'failed')),
    tries      INTEGER NOT NULL DEFAULT 0,
    unsure     INTEGER NOT NULL DEFAULT 0,
    made_ms    INTEGER NOT NULL,
    next_ms    INTEGER NOT NULL,
    until_ms   INTEGER NOT NULL,
    changed_ms INTEGER NOT NULL,
    mail_id    TEXT NOT NULL UNIQUE,
    last_error TEXT NOT NULL DEFAULT '',
    about      TEXT NOT NULL DEFAULT '',
    CHECK ((kind = 'code') = (code_no IS NOT NULL)),
    CHECK ((kind IN ('taken', 'answered')) = (about <> ''))
) STRICT;
INSERT INTO resident_message_new (message_no, account_no, contact_no, asking_no, kind, link_no,
    code_no, state, tries, unsure, made_ms, next_ms, until_ms, changed_ms, mail_id, last_error)
SELECT message_no, account_no, contact_no, asking_no, kind, link_no, code_no, state, tries, unsure,
    made_ms, next_ms, until_ms, changed_ms, mail_id, last_error
FROM resident_message;
DROP TABLE resident_message;
ALTER TABLE resident_message_new RENAME TO resident_message;
CREATE INDEX resident_message_due ON resident_message (next_ms) WHERE state = 'waiting';
CREATE INDEX resident_message_of ON resident_message (account_no, message_no);
CREATE INDEX resident_message_asking ON resident_message (asking_no);
CREATE INDEX resident_message_link ON resident_message (link_no);
