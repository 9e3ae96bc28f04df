-- The registry, the evidence, the ledger, the quarantine.
--
-- Times are milliseconds since the epoch, UTC. Values are integers at their register's power of
-- ten. What the world dates is dated here: a row is ended, never rewritten.

-- Registry: houses and who pays ---------------------------------------------------------------

CREATE TABLE house (
    house_no INTEGER PRIMARY KEY,
    name     TEXT NOT NULL UNIQUE,
    address  TEXT NOT NULL,
    timezone TEXT NOT NULL
) STRICT;

-- An account pays for one dwelling.
CREATE TABLE account (
    account_no INTEGER PRIMARY KEY,
    number     TEXT NOT NULL UNIQUE,
    house_no   INTEGER NOT NULL REFERENCES house,
    dwelling   TEXT NOT NULL
) STRICT;
CREATE INDEX account_of_house ON account (house_no);

-- A metering point stays when its meter is exchanged. A house meter belongs to no account.
CREATE TABLE point (
    point_no   INTEGER PRIMARY KEY,
    name       TEXT NOT NULL UNIQUE,
    house_no   INTEGER NOT NULL REFERENCES house,
    account_no INTEGER REFERENCES account,
    kind       TEXT NOT NULL CHECK (kind IN ('dwelling', 'house')),
    resource   TEXT NOT NULL
        CHECK (resource IN ('electricity', 'cold-water', 'hot-water', 'heat', 'gas')),
    CHECK ((kind = 'house') = (account_no IS NULL))
) STRICT;
CREATE INDEX point_of_house ON point (house_no);

-- Registry: meters ----------------------------------------------------------------------------

-- registered = 0: seen on the road, named by no import.
CREATE TABLE meter (
    meter_no   INTEGER PRIMARY KEY,
    serial     TEXT NOT NULL UNIQUE,
    model      TEXT NOT NULL,
    registered INTEGER NOT NULL CHECK (registered IN (0, 1))
) STRICT;

-- A registered register has its canonical unit and power of ten, the number of digits of its
-- dial counted in units of the last one (it rolls over at 10^digits), and the physical maximum
-- in units of the last digit per hour. An unregistered one holds values as they came.
CREATE TABLE register (
    register_no    INTEGER PRIMARY KEY,
    meter_no       INTEGER NOT NULL REFERENCES meter,
    obis           TEXT NOT NULL,
    unit           TEXT NOT NULL,
    exponent       INTEGER NOT NULL CHECK (exponent BETWEEN -9 AND 9),
    registered     INTEGER NOT NULL CHECK (registered IN (0, 1)),
    digits         INTEGER CHECK (digits BETWEEN 1 AND 18),
    rate_max_per_h INTEGER CHECK (rate_max_per_h > 0),
    found_by       INTEGER REFERENCES device,
    CHECK (registered = 0 OR (digits IS NOT NULL AND rate_max_per_h IS NOT NULL)),
    CHECK ((registered = 0) = (found_by IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX register_registered ON register (meter_no, obis) WHERE registered = 1;
CREATE UNIQUE INDEX register_found
    ON register (found_by, meter_no, obis, unit, exponent) WHERE registered = 0;

-- Which meter stands at a point, from when to when; removed_at_ms is the first instant without it.
CREATE TABLE installation (
    installation_no INTEGER PRIMARY KEY,
    point_no        INTEGER NOT NULL REFERENCES point,
    meter_no        INTEGER NOT NULL REFERENCES meter,
    installed_at_ms INTEGER NOT NULL,
    removed_at_ms   INTEGER CHECK (removed_at_ms > installed_at_ms)
) STRICT;
CREATE UNIQUE INDEX installation_standing ON installation (point_no) WHERE removed_at_ms IS NULL;
CREATE UNIQUE INDEX installation_of_meter ON installation (meter_no) WHERE removed_at_ms IS NULL;
CREATE INDEX installation_by_meter ON installation (meter_no, installed_at_ms);
CREATE INDEX installation_by_point ON installation (point_no, installed_at_ms);

-- A register's value when its meter was installed, and when it was removed.
CREATE TABLE installation_value (
    installation_no  INTEGER NOT NULL REFERENCES installation,
    register_no      INTEGER NOT NULL REFERENCES register,
    initial_mantissa INTEGER NOT NULL,
    final_mantissa   INTEGER,
    PRIMARY KEY (installation_no, register_no)
) STRICT, WITHOUT ROWID;

-- Registry: devices ---------------------------------------------------------------------------

CREATE TABLE device (
    device_no INTEGER PRIMARY KEY,
    name      TEXT NOT NULL UNIQUE,
    house_no  INTEGER REFERENCES house
) STRICT;

-- A key signs for one device while valid_from_ms <= signing time < valid_to_ms.
CREATE TABLE device_key (
    key_id        BLOB PRIMARY KEY,
    device_no     INTEGER NOT NULL REFERENCES device,
    public_key    BLOB NOT NULL CHECK (length(public_key) = 32),
    valid_from_ms INTEGER NOT NULL,
    valid_to_ms   INTEGER CHECK (valid_to_ms > valid_from_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_key_of_device ON device_key (device_no);

-- Which device reads a meter, from when to when.
CREATE TABLE device_meter (
    meter_no      INTEGER NOT NULL REFERENCES meter,
    valid_from_ms INTEGER NOT NULL,
    valid_to_ms   INTEGER CHECK (valid_to_ms > valid_from_ms),
    device_no     INTEGER NOT NULL REFERENCES device,
    PRIMARY KEY (meter_no, valid_from_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_meter_of_device ON device_meter (device_no);

-- Raised by every change of the registry, so that a running ingest knows its caches are stale.
CREATE TABLE registry_revision (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    revision INTEGER NOT NULL
) STRICT;
INSERT INTO registry_revision VALUES (1, 1);

-- Evidence ------------------------------------------------------------------------------------

-- message: the signed bytes as they came. It stands last, so that the rest reads without it.
CREATE TABLE batch (
    batch_no       INTEGER PRIMARY KEY,
    device_no      INTEGER NOT NULL REFERENCES device,
    sequence       INTEGER NOT NULL CHECK (sequence >= 1),
    hash           BLOB NOT NULL,
    previous       BLOB NOT NULL,
    key_id         BLOB NOT NULL REFERENCES device_key,
    signed_at_ms   INTEGER NOT NULL,
    clock_state    TEXT NOT NULL,
    boot           BLOB NOT NULL,
    uptime_ms      INTEGER NOT NULL,
    received_at_ms INTEGER NOT NULL,
    rules_version  INTEGER NOT NULL,
    reading_count  INTEGER NOT NULL,
    message        BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX batch_of_device ON batch (device_no, sequence);

-- The stored sequence numbers of a device as ranges, both ends included, never touching.
CREATE TABLE chain_range (
    device_no INTEGER NOT NULL REFERENCES device,
    first     INTEGER NOT NULL,
    last      INTEGER NOT NULL CHECK (last >= first),
    PRIMARY KEY (device_no, first)
) STRICT, WITHOUT ROWID;

-- When a device's boot began in real time, from a batch signed with a known clock.
CREATE TABLE boot (
    device_no     INTEGER NOT NULL REFERENCES device,
    boot          BLOB NOT NULL,
    started_at_ms INTEGER NOT NULL,
    batch_no      INTEGER NOT NULL REFERENCES batch,
    PRIMARY KEY (device_no, boot)
) STRICT, WITHOUT ROWID;

-- Batches with readings in relative time whose boot is not placed in real time yet.
CREATE TABLE waiting (
    batch_no      INTEGER PRIMARY KEY REFERENCES batch,
    device_no     INTEGER NOT NULL REFERENCES device,
    boot          BLOB NOT NULL,
    reading_count INTEGER NOT NULL
) STRICT;
CREATE INDEX waiting_of_boot ON waiting (device_no, boot);

-- Ledger --------------------------------------------------------------------------------------

-- state: 0 accepted, 1 suspect, 2 rejected. copy: 0 the first value of that instant, n a later
-- different one. flags: 1 the register rolled over since the accepted reading before, 2 the
-- capture time was relative and has been corrected. position: which reading of the batch.
-- No foreign keys and no check on the one hot table: they cost as much again as the insert. A
-- row is only ever written in one transaction with its batch, and a register is never deleted.
CREATE TABLE reading (
    register_no    INTEGER NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    copy           INTEGER NOT NULL,
    mantissa       INTEGER NOT NULL,
    state          INTEGER NOT NULL,
    flags          INTEGER NOT NULL,
    batch_no       INTEGER NOT NULL,
    position       INTEGER NOT NULL,
    PRIMARY KEY (register_no, captured_at_ms, copy)
) STRICT, WITHOUT ROWID;

-- What a rule found; a reading without rows passed every rule of its batch's rules_version.
-- severity: W flags, E blocks billing. quality: IEC 61968-9 system.category.index.
CREATE TABLE verdict (
    verdict_no     INTEGER PRIMARY KEY,
    register_no    INTEGER NOT NULL,
    captured_at_ms INTEGER NOT NULL,
    copy           INTEGER NOT NULL,
    rule           TEXT NOT NULL,
    severity       TEXT NOT NULL CHECK (severity IN ('W', 'E')),
    quality        TEXT NOT NULL,
    detail         TEXT NOT NULL,
    given_at_ms    INTEGER NOT NULL
) STRICT;
CREATE INDEX verdict_of_reading ON verdict (register_no, captured_at_ms, copy);

-- Running totals, kept in the transactions they count.
CREATE TABLE tally (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Quarantine ----------------------------------------------------------------------------------

-- Refused messages with their bytes (of an oversized one the beginning); size is the whole one's.
CREATE TABLE quarantine (
    quarantine_no  INTEGER PRIMARY KEY,
    reason         TEXT NOT NULL,
    received_at_ms INTEGER NOT NULL,
    topic          TEXT NOT NULL,
    detail         TEXT NOT NULL,
    size           INTEGER NOT NULL,
    sha256         BLOB NOT NULL,
    kept           INTEGER NOT NULL,
    evidence       BLOB NOT NULL
) STRICT;
CREATE INDEX quarantine_of_reason ON quarantine (reason, quarantine_no);

-- How many were refused for a reason, and how many of them the bound has dropped since.
CREATE TABLE quarantine_count (
    reason  TEXT PRIMARY KEY,
    refused INTEGER NOT NULL,
    dropped INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
