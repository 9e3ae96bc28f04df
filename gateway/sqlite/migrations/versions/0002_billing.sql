-- Closed periods, their lines, and their way to the billing systems.

CREATE TABLE closed_period (
    closing_no   INTEGER PRIMARY KEY,
    house_no     INTEGER NOT NULL REFERENCES house,
    period       TEXT NOT NULL,
    closed_at_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX closed_period_of_house ON closed_period (house_no, period);
CREATE INDEX closed_period_by_name ON closed_period (period);

-- One line per metering point and register, never changed. Account and dwelling are as they stood
-- when the period was closed. A mark (opening, closing) is a reading of its register at that
-- instant where copy is set, else the value of a meter's installation or removal.
CREATE TABLE closing_line (
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
    method               TEXT NOT NULL CHECK (method IN ('actual', 'carried')),
    reason               TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX closing_line_of_closing ON closing_line (closing_no, point_no, obis, unit);
CREATE INDEX closing_line_of_register ON closing_line (point_no, obis, unit, line_no);

-- What billing is told: a CloudEvent, its bytes fixed when the period was closed, so that every
-- delivery of an event is the same. event_id is the idempotency key.
CREATE TABLE event (
    event_no   INTEGER PRIMARY KEY,
    event_id   TEXT NOT NULL UNIQUE,
    closing_no INTEGER NOT NULL REFERENCES closed_period,
    payload    BLOB NOT NULL
) STRICT;
CREATE INDEX event_of_closing ON event (closing_no);

-- Whom it must still reach. A refused delivery stays until a person has looked.
CREATE TABLE delivery (
    target     TEXT NOT NULL,
    event_no   INTEGER NOT NULL REFERENCES event,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'acknowledged', 'refused')),
    attempts   INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (target, event_no)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_of_event ON delivery (event_no);
CREATE INDEX delivery_pending ON delivery (target, next_at_ms) WHERE state = 'pending';
