-- Norms, heating seasons, and meters out of order: what an estimate goes by.

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
