-- Acts about access and interference, which change what an estimate bills.

-- Why the line has a time without readings (see gateway/estimation/terms.py); the periods in a row
-- are counted by it.
ALTER TABLE written_line ADD COLUMN cause TEXT NOT NULL DEFAULT 'missing'
    CHECK (cause IN ('missing', 'expired', 'failed'));

-- What was put on paper at a dwelling, by day on the house's calendar. point_no: the one metering
-- point it is about, NULL: all of the account's. obis, capacity (units an hour, an exact decimal
-- as text) and begun_on are of an interference only. An act is entered once and never changed.
CREATE TABLE act (
    act_no     INTEGER PRIMARY KEY,
    kind       TEXT NOT NULL CHECK (kind IN ('access-refused', 'inspection', 'interference')),
    number     TEXT NOT NULL,
    made_on    TEXT NOT NULL,
    made_by    TEXT NOT NULL,
    account_no INTEGER NOT NULL REFERENCES account,
    point_no   INTEGER REFERENCES point,
    obis       TEXT,
    capacity   TEXT,
    begun_on   TEXT CHECK (begun_on <= made_on),
    audit_no   INTEGER NOT NULL REFERENCES audit,
    CHECK (kind <> 'interference' OR (point_no IS NOT NULL AND obis IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX act_once ON act (kind, number, made_on, account_no, coalesce(point_no, 0));
CREATE INDEX act_of_account ON act (account_no, made_on);

-- What an interference is charged for (ПП 354 п. 62): from first_on until before until_on, by
-- 'capacity' or by 'norm'. Until confirmed_by is set it is a proposal; closing_no: the closing it
-- was handed over with. Nothing else of it ever changes.
CREATE TABLE interference_charge (
    charge_no    INTEGER PRIMARY KEY,
    act_no       INTEGER NOT NULL UNIQUE REFERENCES act,
    unit         TEXT NOT NULL,
    first_on     TEXT NOT NULL,
    until_on     TEXT NOT NULL CHECK (until_on > first_on),
    method       TEXT NOT NULL CHECK (method IN ('capacity', 'norm')),
    amount       TEXT NOT NULL,
    reason       TEXT NOT NULL,
    entered_by   TEXT NOT NULL,
    confirmed_by TEXT,
    audit_no     INTEGER REFERENCES audit,
    closing_no   INTEGER REFERENCES written_closing,
    CHECK ((confirmed_by IS NULL) = (audit_no IS NULL)),
    CHECK (closing_no IS NULL OR confirmed_by IS NOT NULL)
) STRICT;
CREATE INDEX interference_charge_waiting ON interference_charge (act_no) WHERE closing_no IS NULL;

CREATE TRIGGER act_is_not_changed BEFORE UPDATE ON act
BEGIN
    SELECT RAISE(ABORT, 'acts are only added to');
END;
CREATE TRIGGER act_is_not_removed BEFORE DELETE ON act
BEGIN
    SELECT RAISE(ABORT, 'acts are only added to');
END;
CREATE TRIGGER interference_charge_stands BEFORE UPDATE ON interference_charge
WHEN OLD.amount <> NEW.amount OR OLD.act_no <> NEW.act_no OR OLD.closing_no IS NOT NULL
BEGIN
    SELECT RAISE(ABORT, 'a charge is only confirmed and handed over');
END;
