-- Residents who are asked for a reading: how they are reached, the links, codes and sessions they
-- come in by, and the messages on their way. Secrets are in no column: a link's token and a code
-- are made again from a nonce and the gateway's key (gateway/resident/secrets.py).

-- How an account's residents are reached, from since_ms on. until_ms: when another address took
-- its place or it was taken out; unsubscribed_ms: since when it gets no letters it did not ask for.
CREATE TABLE contact (
    contact_no      INTEGER PRIMARY KEY,
    account_no      INTEGER NOT NULL REFERENCES account,
    channel         TEXT NOT NULL CHECK (channel IN ('email', 'sms')),
    address         TEXT NOT NULL,
    language        TEXT NOT NULL CHECK (language IN ('ru', 'en')),
    since_ms        INTEGER NOT NULL,
    until_ms        INTEGER CHECK (until_ms >= since_ms),
    unsubscribed_ms INTEGER,
    UNIQUE (account_no, channel, address, since_ms)
) STRICT;
CREATE UNIQUE INDEX contact_standing ON contact (account_no, channel) WHERE until_ms IS NULL;

-- A dwelling that was asked for a period (YYYY-MM): once. closes_ms: the end of the window.
-- outcome: NULL while it waits; 'silent': automatic readings arrived, 'given': the resident did,
-- 'over': the window ended, 'ended': by a person.
CREATE TABLE asking (
    asking_no  INTEGER PRIMARY KEY,
    account_no INTEGER NOT NULL REFERENCES account,
    period     TEXT NOT NULL,
    asked_ms   INTEGER NOT NULL,
    closes_ms  INTEGER NOT NULL CHECK (closes_ms > asked_ms),
    outcome    TEXT CHECK (outcome IN ('silent', 'given', 'over', 'ended')),
    ended_ms   INTEGER,
    UNIQUE (account_no, period),
    CHECK ((outcome IS NULL) = (ended_ms IS NULL))
) STRICT;
CREATE INDEX asking_open ON asking (asking_no) WHERE outcome IS NULL;

-- A link for one purpose. token_sha256: of the whole token. contact_no: NULL for one on paper.
-- used_ms: when a session came of it; it then works for that session only.
CREATE TABLE resident_link (
    link_no      INTEGER PRIMARY KEY,
    account_no   INTEGER NOT NULL REFERENCES account,
    period       TEXT NOT NULL,
    purpose      TEXT NOT NULL CHECK (purpose IN ('give', 'stop')),
    contact_no   INTEGER REFERENCES contact,
    nonce        BLOB NOT NULL CHECK (length(nonce) = 12),
    token_sha256 BLOB NOT NULL UNIQUE CHECK (length(token_sha256) = 32),
    made_ms      INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL CHECK (expires_ms > made_ms),
    used_ms      INTEGER,
    tries        INTEGER NOT NULL DEFAULT 0,
    ended_ms     INTEGER,
    ended_why    TEXT
) STRICT;
CREATE INDEX resident_link_of ON resident_link (account_no, period);

-- A code of six digits for a link. tries: wrong ones so far.
CREATE TABLE resident_code (
    code_no    INTEGER PRIMARY KEY,
    link_no    INTEGER NOT NULL REFERENCES resident_link,
    account_no INTEGER NOT NULL REFERENCES account,
    nonce      BLOB NOT NULL CHECK (length(nonce) = 12),
    made_ms    INTEGER NOT NULL,
    expires_ms INTEGER NOT NULL CHECK (expires_ms > made_ms),
    tries      INTEGER NOT NULL DEFAULT 0,
    ended_ms   INTEGER
) STRICT;
CREATE INDEX resident_code_of ON resident_code (account_no, made_ms);
CREATE INDEX resident_code_made ON resident_code (made_ms);
CREATE INDEX resident_code_link ON resident_code (link_no);

-- A browser that showed link and code. via: what it showed, 'code' or an 'account' number (paper).
CREATE TABLE resident_session (
    session_no    INTEGER PRIMARY KEY,
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    link_no       INTEGER NOT NULL REFERENCES resident_link,
    account_no    INTEGER NOT NULL REFERENCES account,
    via           TEXT NOT NULL CHECK (via IN ('code', 'account')),
    opened_ms     INTEGER NOT NULL,
    seen_ms       INTEGER NOT NULL,
    ends_ms       INTEGER NOT NULL CHECK (ends_ms > opened_ms),
    ended_ms      INTEGER
) STRICT;
CREATE INDEX resident_session_of ON resident_session (account_no);

-- What is to be sent. next_ms: not before then. unsure: sendings that began and of which nobody
-- knows how they ended. last_error: why the last one failed.
CREATE TABLE resident_message (
    message_no INTEGER PRIMARY KEY,
    account_no INTEGER NOT NULL REFERENCES account,
    contact_no INTEGER NOT NULL REFERENCES contact,
    asking_no  INTEGER REFERENCES asking,
    kind       TEXT NOT NULL CHECK (kind IN ('ask', 'reminder', 'code', 'link')),
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
    CHECK ((kind = 'code') = (code_no IS NOT NULL))
) STRICT;
CREATE INDEX resident_message_due ON resident_message (next_ms) WHERE state = 'waiting';
CREATE INDEX resident_message_of ON resident_message (account_no, message_no);
CREATE INDEX resident_message_asking ON resident_message (asking_no);
CREATE INDEX resident_message_link ON resident_message (link_no);
CREATE INDEX resident_session_link ON resident_session (link_no);
