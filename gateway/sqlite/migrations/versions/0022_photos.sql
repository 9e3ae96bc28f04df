-- Photos that residents send of their meters, and what they submit with or without one.

-- A photo of a register as it was taken in (gateway/photo/intake.py). sha256: of the bytes that
-- came; jpeg_sha256: of the file that is kept; phash: the look of it (gateway/photo/sameness.py).
-- file: its name below the folder of photos, NULL once it is deleted. taken_at_ms: the camera's
-- time, on the house's clocks where has_offset is 0; NULL if it says none. kind: what it was read
-- as. cells: the digits as they were read, JSON; serial_seen: the serial number read beside them.
-- is_removed: the file is not to be kept. A forgotten person's photo has no hashes any more.
CREATE TABLE photo (
    photo_no       INTEGER PRIMARY KEY,
    account_no     INTEGER NOT NULL REFERENCES account,
    register_no    INTEGER NOT NULL REFERENCES register,
    sha256         BLOB CHECK (length(sha256) = 32),
    jpeg_sha256    BLOB CHECK (length(jpeg_sha256) = 32),
    phash          BLOB CHECK (length(phash) = 8),
    file           TEXT UNIQUE,
    taken_at_ms    INTEGER,
    has_offset     INTEGER NOT NULL CHECK (has_offset IN (0, 1)),
    kind           TEXT NOT NULL CHECK (kind IN ('odometer', 'lcd')),
    cells          TEXT NOT NULL,
    serial_seen    TEXT,
    received_at_ms INTEGER NOT NULL,
    is_removed     INTEGER NOT NULL CHECK (is_removed IN (0, 1)),
    UNIQUE (account_no, register_no, sha256)
) STRICT;
CREATE INDEX photo_of_account ON photo (account_no, received_at_ms);
CREATE INDEX photo_by_hash ON photo (sha256);
CREATE INDEX photo_received ON photo (received_at_ms) WHERE is_removed = 0;
CREATE INDEX photo_to_delete ON photo (photo_no) WHERE is_removed = 1 AND file IS NOT NULL;

-- A reading that a resident confirmed: the claim it became, under the number of its electronic
-- act. page_key: what the page it was sent from calls it, so that a second tap is no second one.
-- period: the one it was given for (YYYY-MM). asked: the questions that were asked and what was
-- answered, a JSON array of objects with code, text_ru, text_en, detail, answer. in_review: confirmed
-- against advice, and a person looks at it.
CREATE TABLE submission (
    submission_no INTEGER PRIMARY KEY,
    number        TEXT NOT NULL UNIQUE,
    account_no    INTEGER NOT NULL REFERENCES account,
    register_no   INTEGER NOT NULL REFERENCES register,
    photo_no      INTEGER REFERENCES photo,
    claim_no      INTEGER NOT NULL UNIQUE REFERENCES claim,
    page_key      TEXT NOT NULL,
    period        TEXT NOT NULL,
    asked         TEXT NOT NULL,
    in_review     INTEGER NOT NULL CHECK (in_review IN (0, 1)),
    given_at_ms   INTEGER NOT NULL,
    audit_no      INTEGER NOT NULL,
    UNIQUE (account_no, page_key)
) STRICT;
CREATE INDEX submission_of_account ON submission (account_no, given_at_ms);
CREATE INDEX submission_of_photo ON submission (photo_no);
