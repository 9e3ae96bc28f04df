-- Readings that people bring, and which source is believed.

-- A claim, exactly as it was given: mantissa and step (what its last digit is worth) are at the
-- register's power of ten. It is never changed; a claim that counts, or waits for a person, stands
-- in `reading` as well, with the copy 1 000 000 + claim_no and batch_no 0.
CREATE TABLE claim (
    claim_no    INTEGER PRIMARY KEY,
    source      TEXT NOT NULL CHECK (source IN ('inspection', 'photo', 'resident', 'gis-zhkh')),
    reference   TEXT NOT NULL,
    register_no INTEGER NOT NULL REFERENCES register,
    at_ms       INTEGER NOT NULL,
    mantissa    INTEGER NOT NULL,
    step        INTEGER NOT NULL CHECK (step > 0),
    actor       TEXT NOT NULL,
    entered_ms  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX claim_once ON claim (source, reference, register_no);
CREATE INDEX claim_of_register ON claim (register_no, at_ms);

-- What looked wrong when it was given, in the order it was found.
CREATE TABLE claim_finding (
    finding_no INTEGER PRIMARY KEY,
    claim_no   INTEGER NOT NULL REFERENCES claim,
    rule       TEXT NOT NULL,
    quality    TEXT NOT NULL,
    detail     TEXT NOT NULL
) STRICT;
CREATE INDEX claim_finding_of_claim ON claim_finding (claim_no);

-- What the closing of a period made of a claim, and which closing of that period it was; the
-- newest row of a closing that stands is what it is now.
CREATE TABLE claim_decision (
    decision_no INTEGER PRIMARY KEY,
    claim_no    INTEGER NOT NULL REFERENCES claim,
    house_no    INTEGER NOT NULL REFERENCES house,
    period      TEXT NOT NULL,
    revision    INTEGER NOT NULL,
    outcome     TEXT NOT NULL
        CHECK (outcome IN ('chosen', 'confirmed', 'agrees', 'contradicts', 'unneeded', 'lost')),
    reason      TEXT NOT NULL,
    at_ms       INTEGER NOT NULL
) STRICT;
CREATE INDEX claim_decision_of_claim ON claim_decision (claim_no);
CREATE INDEX claim_decision_of_closing ON claim_decision (house_no, period, revision);

-- What a reopened closing had said of claims stays on record, and is nobody's word any more.
CREATE VIEW claim_word AS
SELECT * FROM claim_decision AS made
WHERE revision > (
    SELECT count(*) FROM withdrawal JOIN written_closing AS closing USING (closing_no)
    WHERE closing.house_no = made.house_no AND closing.period = made.period);

-- Which source a house believes first, and how far two may lie apart; see gateway/claims/policy.py
-- for what holds where there is no row. sources: in order, with commas. A row holds from its
-- period (YYYY-MM) until the next one.
CREATE TABLE source_policy (
    policy_no         INTEGER PRIMARY KEY,
    house_no          INTEGER NOT NULL REFERENCES house,
    since             TEXT NOT NULL,
    sources           TEXT NOT NULL,
    fresh_days        INTEGER NOT NULL CHECK (fresh_days >= 0),
    tolerance_units   TEXT NOT NULL,
    tolerance_percent TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX source_policy_once ON source_policy (house_no, since);
