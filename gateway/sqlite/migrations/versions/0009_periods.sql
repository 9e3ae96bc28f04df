-- Estimates, the obligations they open and what corrects them; windows of contracts, and periods
-- closed again.

-- What was written is never changed; a closing taken back is marked so in `withdrawal`. Whoever
-- asks what stands reads the views closed_period, closing_line and correction, which have nothing
-- of withdrawn closings; only writing and following a withdrawn line go to the tables.

-- revision: a period that was reopened is closed again with the next one.
ALTER TABLE closed_period RENAME TO written_closing;
ALTER TABLE written_closing ADD COLUMN revision INTEGER NOT NULL DEFAULT 1;
DROP INDEX closed_period_of_house;
DROP INDEX closed_period_by_name;
CREATE UNIQUE INDEX written_closing_of_house ON written_closing (house_no, period, revision);
CREATE INDEX written_closing_by_period ON written_closing (period);

-- Who reopened a period, when and why; only the newest closing of a house can be taken back.
CREATE TABLE withdrawal (
    closing_no INTEGER PRIMARY KEY REFERENCES written_closing,
    at_ms      INTEGER NOT NULL,
    actor      TEXT NOT NULL,
    why        TEXT NOT NULL
) STRICT;

-- A line may now be billed by more methods. SQLite changes no CHECK, so the table is made anew.
-- source: who brought the reading that closes the line, '' where none does. factor: what the
-- register's values are multiplied by, a decimal or a fraction. role: whether the line is billed
-- at all. behind: the point whose sub-meter this one is. replaces: the withdrawn line before it.
CREATE TABLE written_line (
    line_no              INTEGER PRIMARY KEY,
    line_id              TEXT NOT NULL UNIQUE,
    closing_no           INTEGER NOT NULL REFERENCES written_closing,
    point_no             INTEGER NOT NULL REFERENCES point,
    obis                 TEXT NOT NULL,
    unit                 TEXT NOT NULL,
    account              TEXT,
    dwelling             TEXT,
    opening_register_no  INTEGER NOT NULL REFERENCES register,
    opening_at_ms        INTEGER NOT NULL,
    opening_copy         INTEGER,
    opening_mantissa     INTEGER NOT NULL,
    closing_register_no  INTEGER NOT NULL REFERENCES register,
    closing_at_ms        INTEGER NOT NULL,
    closing_copy         INTEGER,
    closing_mantissa     INTEGER NOT NULL,
    consumption_mantissa INTEGER NOT NULL,
    consumption_exponent INTEGER NOT NULL,
    rollovers            INTEGER NOT NULL,
    method               TEXT NOT NULL
        CHECK (method IN ('actual', 'carried', 'interpolated', 'average', 'norm', 'check')),
    reason               TEXT NOT NULL,
    source               TEXT NOT NULL DEFAULT 'automatic'
        CHECK (source IN ('automatic', 'inspection', 'photo', 'resident', 'gis-zhkh', '')),
    factor               TEXT NOT NULL DEFAULT '1',
    role                 TEXT NOT NULL DEFAULT 'billed'
        CHECK (role IN ('billed', 'check', 'export')),
    behind               TEXT,
    replaces             TEXT REFERENCES written_line (line_id)
) STRICT;
INSERT INTO written_line
SELECT closing_line.*,
       CASE WHEN closing_copy IS NULL OR method = 'carried'
                 OR (opening_register_no = closing_register_no
                     AND opening_at_ms = closing_at_ms) THEN ''
            ELSE 'automatic' END,
       '1',
       CASE WHEN obis LIKE '%.0' AND EXISTS (
                SELECT 1 FROM closing_line AS part
                WHERE part.closing_no = closing_line.closing_no
                  AND part.point_no = closing_line.point_no AND part.unit = closing_line.unit
                  AND part.obis <> closing_line.obis
                  AND substr(part.obis, 1, length(closing_line.obis) - 1)
                      = substr(closing_line.obis, 1, length(closing_line.obis) - 1))
            THEN 'check'
            WHEN obis LIKE '1-0:2.%' OR obis LIKE '1-0:4.%' THEN 'export' ELSE 'billed' END,
       NULL, NULL
FROM closing_line;
DROP TABLE closing_line;

-- What a line is instead, with its marks as in written_line; the line stays as it was. closing_no:
-- the closing it was handed over with.
CREATE TABLE written_correction (
    correction_no        INTEGER PRIMARY KEY,
    line_no              INTEGER NOT NULL REFERENCES written_line,
    correction_id        TEXT NOT NULL UNIQUE,
    closing_no           INTEGER NOT NULL REFERENCES written_closing,
    opening_register_no  INTEGER NOT NULL REFERENCES register,
    opening_at_ms        INTEGER NOT NULL,
    opening_copy         INTEGER,
    opening_mantissa     INTEGER NOT NULL,
    closing_register_no  INTEGER NOT NULL REFERENCES register,
    closing_at_ms        INTEGER NOT NULL,
    closing_copy         INTEGER,
    closing_mantissa     INTEGER NOT NULL,
    difference_mantissa  INTEGER NOT NULL,
    difference_exponent  INTEGER NOT NULL,
    method               TEXT NOT NULL
        CHECK (method IN ('actual', 'carried', 'interpolated', 'average', 'norm', 'check')),
    reason               TEXT NOT NULL,
    replaces             TEXT REFERENCES written_correction (correction_id)
) STRICT;

-- The obligation an estimated line opens. settled_no: with which closing it ended.
CREATE TABLE estimate (
    line_no    INTEGER PRIMARY KEY REFERENCES written_line,
    settled_no INTEGER REFERENCES written_closing
) STRICT;

CREATE UNIQUE INDEX written_line_of_closing ON written_line (closing_no, point_no, obis, unit);
CREATE INDEX written_line_of_register ON written_line (point_no, obis, unit, line_no);
CREATE INDEX written_line_replaces ON written_line (replaces) WHERE replaces IS NOT NULL;
CREATE UNIQUE INDEX written_correction_of_line ON written_correction (line_no, closing_no);
CREATE INDEX written_correction_of_closing ON written_correction (closing_no);
CREATE INDEX estimate_open ON estimate (line_no) WHERE settled_no IS NULL;
CREATE INDEX estimate_settled ON estimate (settled_no) WHERE settled_no IS NOT NULL;

CREATE VIEW closed_period AS
SELECT * FROM written_closing WHERE closing_no NOT IN (SELECT closing_no FROM withdrawal);
CREATE VIEW closing_line AS
SELECT * FROM written_line WHERE closing_no NOT IN (SELECT closing_no FROM withdrawal);
CREATE VIEW correction AS
SELECT * FROM written_correction WHERE closing_no NOT IN (SELECT closing_no FROM withdrawal);

-- When a contract takes the readings of a period: of a house's resource, or of every one without
-- a row of its own. A row holds from its period (YYYY-MM) until the next one. Day 99 is the last
-- of its month; next_month: the last day lies in the month after the first one.
CREATE TABLE contract (
    contract_no INTEGER PRIMARY KEY,
    house_no    INTEGER NOT NULL REFERENCES house,
    resource    TEXT
        CHECK (resource IN ('electricity', 'cold-water', 'hot-water', 'heat', 'gas')),
    since       TEXT NOT NULL,
    first_day   INTEGER NOT NULL CHECK (first_day BETWEEN 1 AND 31 OR first_day = 99),
    last_day    INTEGER NOT NULL CHECK (last_day BETWEEN 1 AND 31 OR last_day = 99),
    next_month  INTEGER NOT NULL CHECK (next_month IN (0, 1)),
    cutoff      TEXT NOT NULL CHECK (cutoff IN ('reading', 'interpolated'))
) STRICT;
CREATE UNIQUE INDEX contract_once ON contract (house_no, coalesce(resource, ''), since);
