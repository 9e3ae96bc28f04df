-- Verification, seals, factors, and which point measures behind or beside which.

-- What the values of a meter are multiplied by while it stands there: transformers or pulses, a
-- decimal ('40') or a fraction ('1/3200').
ALTER TABLE installation ADD COLUMN factor TEXT NOT NULL DEFAULT '1';

-- Whether the register passed its last digit between its last reading and the act of removal, as
-- a person says who was there; V-ROLL's rule sees most of them by itself.
ALTER TABLE installation_value
    ADD COLUMN final_rolled INTEGER NOT NULL DEFAULT 0 CHECK (final_rolled IN (0, 1));

-- An order ends without being taken back where the meter is put into service anew (until_ms).
ALTER TABLE out_of_order ADD COLUMN until_ms INTEGER;
DROP INDEX out_of_order_now;
CREATE UNIQUE INDEX out_of_order_now
    ON out_of_order (meter_no) WHERE fit_at_ms IS NULL AND until_ms IS NULL;

-- Verifications (поверка), by day on the house's calendar; valid_until is the last day that
-- counts. finding: fit from that day on; fit-throughout: also in the time since the verification
-- before expired; unfit: not to be used from that day on.
CREATE TABLE verification (
    verification_no INTEGER PRIMARY KEY,
    meter_no        INTEGER NOT NULL REFERENCES meter,
    verified_on     TEXT NOT NULL,
    months          INTEGER NOT NULL CHECK (months BETWEEN 1 AND 600),
    valid_until     TEXT NOT NULL CHECK (valid_until >= verified_on),
    number          TEXT NOT NULL,
    verified_by     TEXT NOT NULL,
    finding         TEXT NOT NULL CHECK (finding IN ('fit', 'fit-throughout', 'unfit'))
) STRICT;
CREATE UNIQUE INDEX verification_once ON verification (meter_no, verified_on);

-- What the dial showed at the verification, where somebody noted it.
CREATE TABLE verification_value (
    verification_no INTEGER NOT NULL REFERENCES verification,
    register_no     INTEGER NOT NULL REFERENCES register,
    mantissa        INTEGER NOT NULL CHECK (mantissa >= 0),
    PRIMARY KEY (verification_no, register_no)
) STRICT, WITHOUT ROWID;

-- Days as YYYY-MM-DD.
CREATE TABLE seal (
    seal_no    INTEGER PRIMARY KEY,
    meter_no   INTEGER NOT NULL REFERENCES meter,
    number     TEXT NOT NULL,
    place      TEXT NOT NULL,
    set_on     TEXT NOT NULL,
    set_by     TEXT NOT NULL,
    checked_on TEXT CHECK (checked_on >= set_on),
    broken_on  TEXT CHECK (broken_on >= set_on),
    removed_on TEXT CHECK (removed_on >= set_on)
) STRICT;
CREATE UNIQUE INDEX seal_once ON seal (meter_no, number);

-- A sub-meter's point stands behind its parent, a check meter's point checks another.
CREATE TABLE point_relation (
    point_no       INTEGER NOT NULL REFERENCES point,
    kind           TEXT NOT NULL CHECK (kind IN ('behind', 'checks')),
    other_point_no INTEGER NOT NULL REFERENCES point CHECK (other_point_no <> point_no),
    since_ms       INTEGER NOT NULL,
    until_ms       INTEGER CHECK (until_ms > since_ms),
    PRIMARY KEY (point_no, since_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX point_relation_of_other ON point_relation (other_point_no);
