-- Findings about the days of a register.

-- What the rules of the day series found: one row for a register, a local day (YYYY-MM-DD) and a
-- rule. Hints only, kept for some months; the series itself is made from the readings each time.
CREATE TABLE day_finding (
    register_no   INTEGER NOT NULL REFERENCES register,
    day           TEXT NOT NULL,
    rule          TEXT NOT NULL,
    severity      TEXT NOT NULL CHECK (severity IN ('W', 'E')),
    quality       TEXT NOT NULL,
    detail        TEXT NOT NULL,
    house_no      INTEGER NOT NULL REFERENCES house,
    point_no      INTEGER NOT NULL REFERENCES point,
    given_at_ms   INTEGER NOT NULL,
    rules_version INTEGER NOT NULL,
    PRIMARY KEY (register_no, day, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX day_finding_of_house ON day_finding (house_no, day);

-- How far a house's day has been checked: up to which register, and whether it is done. A day
-- without a row is to be checked, also again, when readings of it came late.
CREATE TABLE checked_day (
    house_no    INTEGER NOT NULL REFERENCES house,
    day         TEXT NOT NULL,
    register_no INTEGER NOT NULL,
    done        INTEGER NOT NULL CHECK (done IN (0, 1)),
    PRIMARY KEY (house_no, day)
) STRICT, WITHOUT ROWID;

-- How far batches, and decisions of people, were looked through for readings of days that were done.
CREATE TABLE checked_batches (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    batch_no INTEGER NOT NULL,
    decision_no INTEGER NOT NULL
) STRICT;
INSERT INTO checked_batches
SELECT 1, (SELECT coalesce(max(batch_no), 0) FROM batch),
    (SELECT coalesce(max(decision_no), 0) FROM decision);
