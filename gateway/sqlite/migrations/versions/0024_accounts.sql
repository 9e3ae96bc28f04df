-- Residents who sign in: who they are to a provider, the dwellings they linked, their passkeys.
-- No secret is in any column: a subject is a keyed hash, the code on a bill is made again from a
-- nonce and the gateway's key (gateway/resident/signin_secrets.py).

-- A person as a provider of sign-in knows them: provider is the name of its section in gateway.toml,
-- or 'passkey' for one who came by link and code and registered a phone. subject_mac: a keyed hash
-- of issuer and subject.
CREATE TABLE resident_identity (
    identity_no INTEGER PRIMARY KEY,
    provider    TEXT NOT NULL,
    subject_mac BLOB NOT NULL UNIQUE CHECK (length(subject_mac) = 32),
    made_ms     INTEGER NOT NULL
) STRICT;

-- A dwelling that an identity linked. via: by the code on a 'bill', or by a 'link' and its code.
CREATE TABLE resident_linked (
    linked_no   INTEGER PRIMARY KEY,
    identity_no INTEGER NOT NULL REFERENCES resident_identity,
    account_no  INTEGER NOT NULL REFERENCES account,
    via         TEXT NOT NULL CHECK (via IN ('bill', 'link')),
    linked_ms   INTEGER NOT NULL,
    ended_ms    INTEGER CHECK (ended_ms >= linked_ms)
) STRICT;
CREATE UNIQUE INDEX resident_linked_standing ON resident_linked (identity_no, account_no)
    WHERE ended_ms IS NULL;
CREATE INDEX resident_linked_of ON resident_linked (account_no);

-- A browser that signed in. account_no: the one dwelling it looks at, NULL until it chose.
CREATE TABLE resident_signin (
    signin_no     INTEGER PRIMARY KEY,
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    identity_no   INTEGER NOT NULL REFERENCES resident_identity,
    via           TEXT NOT NULL CHECK (via IN ('account', 'passkey')),
    account_no    INTEGER REFERENCES account,
    opened_ms     INTEGER NOT NULL,
    seen_ms       INTEGER NOT NULL,
    ends_ms       INTEGER NOT NULL CHECK (ends_ms > opened_ms),
    ended_ms      INTEGER
) STRICT;
CREATE INDEX resident_signin_of ON resident_signin (account_no);
CREATE INDEX resident_signin_identity ON resident_signin (identity_no);

-- A phone's key: the public half. sign_count: how often it had signed when it signed last.
CREATE TABLE resident_passkey (
    passkey_no    INTEGER PRIMARY KEY,
    identity_no   INTEGER NOT NULL REFERENCES resident_identity,
    credential_id BLOB NOT NULL UNIQUE,
    public_key    BLOB NOT NULL,
    sign_count    INTEGER NOT NULL,
    made_ms       INTEGER NOT NULL,
    used_ms       INTEGER
) STRICT;
CREATE INDEX resident_passkey_of ON resident_passkey (identity_no);

-- The code printed on an account's bill for a period (YYYY-MM).
CREATE TABLE bill_code (
    bill_code_no INTEGER PRIMARY KEY,
    account_no   INTEGER NOT NULL REFERENCES account,
    period       TEXT NOT NULL,
    nonce        BLOB NOT NULL CHECK (length(nonce) = 12),
    made_ms      INTEGER NOT NULL,
    expires_ms   INTEGER NOT NULL CHECK (expires_ms > made_ms),
    ended_ms     INTEGER
) STRICT;
CREATE UNIQUE INDEX bill_code_standing ON bill_code (account_no, period) WHERE ended_ms IS NULL;
CREATE INDEX bill_code_expires ON bill_code (expires_ms);

-- A number and a code that did not belong together. account_no: NULL where no account has the number.
CREATE TABLE linking_try (
    linking_try_no INTEGER PRIMARY KEY,
    identity_no    INTEGER NOT NULL REFERENCES resident_identity,
    account_no     INTEGER REFERENCES account,
    at_ms          INTEGER NOT NULL
) STRICT;
CREATE INDEX linking_try_identity ON linking_try (identity_no, at_ms);
CREATE INDEX linking_try_account ON linking_try (account_no, at_ms);
