-- What a house's balance needs beside its closed lines. Areas and norms are exact decimals as
-- text, days are of the house's calendar; a row holds from its day until a later one of its subject.

-- Areas and residents: of an account's premises, of the common property (neither account nor
-- point), or the house meter's point whose resource goes into the house's own heating.
CREATE TABLE area_fact (
    fact_no    INTEGER PRIMARY KEY,
    house_no   INTEGER NOT NULL REFERENCES house,
    account_no INTEGER REFERENCES account,
    point_no   INTEGER REFERENCES point,
    use        TEXT NOT NULL CHECK (use IN ('dwelling', 'nonresidential', 'common', 'heating')),
    area       TEXT,
    residents  INTEGER CHECK (residents >= 0),
    valid_from TEXT NOT NULL,
    CHECK ((use IN ('dwelling', 'nonresidential')) = (account_no IS NOT NULL)),
    CHECK ((use = 'heating') = (point_no IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX area_fact_once
    ON area_fact (house_no, coalesce(account_no, 0), coalesce(point_no, 0), valid_from);

-- A month's norms: of common needs for a square metre, of a dwelling without a meter for a
-- resident. source: the act that sets them.
CREATE TABLE common_norm (
    house_no     INTEGER NOT NULL REFERENCES house,
    resource     TEXT NOT NULL
        CHECK (resource IN ('electricity', 'cold-water', 'hot-water', 'heat', 'gas')),
    valid_from   TEXT NOT NULL,
    unit         TEXT NOT NULL,
    per_m2       TEXT,
    per_resident TEXT,
    source       TEXT NOT NULL,
    PRIMARY KEY (house_no, resource, valid_from),
    CHECK (per_m2 IS NOT NULL OR per_resident IS NOT NULL)
) STRICT, WITHOUT ROWID;

-- What meters said of themselves (tamper, reverse flow, leak), gathered from the batches: a row
-- per meter, device, hour and status; boot is set where the times count from it. batch_no: the
-- first batch that said so, which is its evidence.
CREATE TABLE meter_notice (
    meter     TEXT NOT NULL,
    device_no INTEGER NOT NULL REFERENCES device,
    boot      BLOB NOT NULL,
    hour      INTEGER NOT NULL,
    status    INTEGER NOT NULL,
    first_ms  INTEGER NOT NULL,
    last_ms   INTEGER NOT NULL,
    times     INTEGER NOT NULL,
    batch_no  INTEGER NOT NULL REFERENCES batch,
    PRIMARY KEY (meter, device_no, boot, hour, status)
) STRICT, WITHOUT ROWID;

-- How far the batches were heard.
CREATE TABLE notices_heard (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    batch_no INTEGER NOT NULL
) STRICT;
INSERT INTO notices_heard VALUES (1, 0);
