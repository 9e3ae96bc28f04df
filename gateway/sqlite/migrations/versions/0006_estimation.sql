-- Estimates, the obligations they open, and what corrects them; norms and heating seasons.

-- A line may now be billed by more methods. SQLite changes no CHECK, so the table is made anew.
CREATE TABLE closing_line_with_estimates (
    line_no              INTEGER PRIMARY KEY,
    line_id              TEXT NOT NULL UNIQUE,
    closing_no           INTEGER NOT NULL REFERENCES closed_period,
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
        CHECK (method IN ('actual', 'carried', 'interpolated', 'average', 'norm')),
    reason               TEXT NOT NULL
) STRICT;
INSERT INTO closing_line_with_estimates SELECT * FROM closing_line;
DROP TABLE closing_line;
ALTER TABLE closing_line_with_estimates RENAME TO closing_line;
CREATE UNIQUE INDEX closing_line_of_closing ON closing_line (closing_no, point_no, obis, unit);
CREATE INDEX closing_line_of_register ON closing_line (point_no, obis, unit, line_no);

-- The obligation an estimated line opens. settled_no: with which closing it ended.
CREATE TABLE estimate (
    line_no    INTEGER PRIMARY KEY REFERENCES closing_line,
    settled_no INTEGER REFERENCES closed_period
) STRICT;
CREATE INDEX estimate_open ON estimate (line_no) WHERE settled_no IS NULL;

-- What a line is instead, with its marks as in closing_line; the line stays as it was. closing_no:
-- the closing it was handed over with.
CREATE TABLE correction (
    line_no              INTEGER PRIMARY KEY REFERENCES closing_line,
    correction_id        TEXT NOT NULL UNIQUE,
    closing_no           INTEGER NOT NULL REFERENCES closed_period,
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
        CHECK (method IN ('actual', 'carried', 'interpolated')),
    reason               TEXT NOT NULL
) STRICT;
CREATE INDEX correction_of_closing ON correction (closing_no);

-- What a dwelling without readings is billed for a month by norm (ПП 354 п. 60): of one account,
-- or of every account of the house without a row of its own. amount: an exact decimal as text.
-- A row holds from its period (YYYY-MM) until the next one.
CREATE TABLE norm (
    norm_no    INTEGER PRIMARY KEY,
    house_no   INTEGER NOT NULL REFERENCES house,
    account_no INTEGER REFERENCES account,
    obis       TEXT NOT NULL,
    unit       TEXT NOT NULL,
    since      TEXT NOT NULL,
    amount     TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX norm_once ON norm (house_no, coalesce(account_no, 0), obis, unit, since);

-- First and last day of heating, on the house's calendar; a season that goes on has no last one.
CREATE TABLE heating_season (
    house_no  INTEGER NOT NULL REFERENCES house,
    starts_on TEXT NOT NULL,
    ends_on   TEXT CHECK (ends_on >= starts_on),
    PRIMARY KEY (house_no, starts_on)
) STRICT, WITHOUT ROWID;

-- A meter whose readings from from_ms on are not billed (ПП 354 п. 81(12)). fit_at_ms: when it was
-- found fit after all, and all its readings count again; until then, or its removal, it is out.
CREATE TABLE out_of_order (
    order_no  INTEGER PRIMARY KEY,
    meter_no  INTEGER NOT NULL REFERENCES meter,
    cause     TEXT NOT NULL CHECK (cause IN ('expired', 'failed')),
    from_ms   INTEGER NOT NULL,
    fit_at_ms INTEGER CHECK (fit_at_ms >= from_ms)
) STRICT;
CREATE UNIQUE INDEX out_of_order_now ON out_of_order (meter_no) WHERE fit_at_ms IS NULL;
