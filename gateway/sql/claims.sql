-- Claims: what people say meters showed. One that stands among the readings is a claim_reading.

-- name: registered
SELECT register_no, register.unit, exponent, digits, rate_max_per_h, resource,
       installed_at_ms, initial_mantissa
FROM meter
JOIN register USING (meter_no)
LEFT JOIN installation ON installation.meter_no = meter.meter_no
    AND installed_at_ms <= :at_ms AND (removed_at_ms IS NULL OR :at_ms <= removed_at_ms)
LEFT JOIN installation_value USING (installation_no, register_no)
LEFT JOIN point USING (point_no)
WHERE serial = :serial AND obis = :obis
    AND meter.registered = 1 AND register.registered = 1
ORDER BY installed_at_ms DESC LIMIT 1

-- name: accepted-before
SELECT captured_at_ms, mantissa FROM reading
WHERE register_no = ? AND captured_at_ms < ? AND state = 0
ORDER BY captured_at_ms DESC, copy LIMIT 1

-- name: accepted-after
SELECT captured_at_ms, mantissa FROM reading
WHERE register_no = ? AND captured_at_ms > ? AND state = 0
ORDER BY captured_at_ms, copy LIMIT 1

-- name: automatic-before
SELECT captured_at_ms, mantissa FROM automatic_reading
WHERE register_no = ? AND captured_at_ms <= ? AND state = 0
ORDER BY captured_at_ms DESC, copy LIMIT 1

-- name: automatic-after
SELECT captured_at_ms, mantissa FROM automatic_reading
WHERE register_no = ? AND captured_at_ms >= ? AND state = 0
ORDER BY captured_at_ms, copy LIMIT 1

-- The last accepted value of each of the past months of thirty days, the newest first.
-- name: openings
WITH RECURSIVE back(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM back WHERE n + 1 < :most)
SELECT captured_at_ms, mantissa FROM back JOIN reading
    ON register_no = :register_no AND state = 0 AND captured_at_ms = (
        SELECT max(captured_at_ms) FROM reading
        WHERE register_no = :register_no AND state = 0
          AND captured_at_ms < :at_ms - n * :month_ms
          AND captured_at_ms >= :at_ms - (n + 1) * :month_ms)
ORDER BY captured_at_ms, copy

-- The other registers of the claim's account, as far as a person could take one for the other.
-- name: others
SELECT other_meter.serial, other.obis, other.unit, other.exponent, other.digits,
       other.rate_max_per_h, other_point.resource, other.register_no,
       (SELECT mantissa FROM claim WHERE claim.register_no = other.register_no
            AND abs(claim.at_ms - :at_ms) < :day_ms ORDER BY entered_ms DESC, claim_no DESC LIMIT 1)
FROM register AS mine
JOIN installation AS here ON here.meter_no = mine.meter_no AND here.installed_at_ms <= :at_ms
    AND (here.removed_at_ms IS NULL OR :at_ms < here.removed_at_ms)
JOIN point AS my_point ON my_point.point_no = here.point_no
JOIN point AS other_point ON other_point.account_no = my_point.account_no
JOIN installation AS there ON there.point_no = other_point.point_no
    AND there.installed_at_ms <= :at_ms
    AND (there.removed_at_ms IS NULL OR :at_ms < there.removed_at_ms)
JOIN meter AS other_meter ON other_meter.meter_no = there.meter_no
JOIN register AS other ON other.meter_no = other_meter.meter_no AND other.registered = 1
WHERE mine.register_no = :register_no AND other.register_no <> mine.register_no
    AND other.unit = mine.unit
ORDER BY other_point.name, other.obis LIMIT :most

-- From the house on: a closing does not look through the claims of other houses.
-- name: unsettled
SELECT DISTINCT claim_no FROM point
CROSS JOIN installation
CROSS JOIN register
CROSS JOIN claim
WHERE installation.point_no = point.point_no
    AND register.meter_no = installation.meter_no AND register.registered = 1
    AND claim.register_no = register.register_no AND installed_at_ms <= claim.at_ms
    AND (removed_at_ms IS NULL OR claim.at_ms <= removed_at_ms)
    AND house_no = :house AND claim.at_ms >= :from_ms AND claim.at_ms < :until_ms
    AND NOT EXISTS (SELECT 1 FROM claim_word AS word WHERE word.claim_no = claim.claim_no
                        AND outcome IN ('confirmed', 'agrees', 'contradicts'))
ORDER BY claim_no

-- name: open
SELECT claim.claim_no, point_no, obis, register.unit, register_no,
       exponent, digits, rate_max_per_h, resource,
       source, reference, actor, claim.at_ms, claim.mantissa, step, entered_ms,
       (SELECT outcome FROM claim_word AS word WHERE word.claim_no = claim.claim_no
        ORDER BY decision_no DESC LIMIT 1),
       (SELECT state FROM claim_reading AS standing WHERE standing.claim_no = claim.claim_no
            AND standing.register_no = claim.register_no AND captured_at_ms = claim.at_ms)
FROM json_each(:numbers) AS wanted
JOIN claim ON claim.claim_no = CAST(wanted.value AS BIGINT)
JOIN register USING (register_no)
JOIN installation ON installation.meter_no = register.meter_no AND installed_at_ms <= claim.at_ms
    AND (removed_at_ms IS NULL OR claim.at_ms <= removed_at_ms)
JOIN point USING (point_no)
WHERE CAST(:house AS BIGINT) IS NULL OR house_no = :house
ORDER BY claim.claim_no, installed_at_ms

-- name: owed
SELECT point_no, obis, unit, period FROM estimate
JOIN closing_line USING (line_no)
JOIN closed_period USING (closing_no)
WHERE house_no = ? AND settled_no IS NULL

-- name: believed
SELECT source, captured_at_ms, standing.mantissa FROM claim_reading AS standing
JOIN claim USING (claim_no)
WHERE standing.register_no = ? AND captured_at_ms >= ? AND captured_at_ms <= ? AND state = 0
    AND claim_no <> ?
ORDER BY captured_at_ms, copy

-- name: billed
SELECT closing_mantissa FROM closing_line
WHERE closing_register_no = ? AND closing_at_ms < ? ORDER BY line_no DESC LIMIT 1

-- name: initial
SELECT installed_at_ms, initial_mantissa FROM installation_value
JOIN installation USING (installation_no)
WHERE register_no = ? AND installed_at_ms <= ? ORDER BY installed_at_ms DESC LIMIT 1

-- name: decide
INSERT INTO claim_decision (claim_no, house_no, period, revision, outcome, reason, at_ms)
SELECT :claim_no, :house_no, :period,
    (SELECT count(*) + 1 FROM written_closing WHERE house_no = :house_no AND period = :period),
    :outcome, :reason, :now_ms
WHERE NOT EXISTS (
    SELECT 1 FROM claim_word AS word
    WHERE word.decision_no = (
            SELECT max(decision_no) FROM claim_word WHERE claim_no = :claim_no)
        AND word.outcome = :outcome AND word.reason = :reason)

-- What the standing closing of a period had brought among the readings, but for what a person
-- has decided on: its verdicts, and the claims that it alone had entered.
-- name: take-back-verdicts
DELETE FROM verdict WHERE verdict_no IN (
    SELECT verdict_no FROM claim_word AS word
    JOIN claim USING (claim_no)
    JOIN claim_reading AS standing ON standing.claim_no = claim.claim_no
        AND standing.register_no = claim.register_no AND standing.captured_at_ms = claim.at_ms
    JOIN verdict ON (verdict.register_no, verdict.captured_at_ms, verdict.copy)
        = (standing.register_no, standing.captured_at_ms, standing.copy)
    WHERE word.house_no = :house_no AND word.period = :period AND given_at_ms = word.at_ms
        AND NOT EXISTS (SELECT 1 FROM decision
            WHERE (decision.register_no, decision.captured_at_ms, decision.copy)
                  = (verdict.register_no, verdict.captured_at_ms, verdict.copy)))

-- name: take-back-readings
DELETE FROM reading WHERE (register_no, captured_at_ms, copy) IN (
    SELECT standing.register_no, captured_at_ms, copy FROM claim_word AS word
    JOIN claim USING (claim_no)
    JOIN claim_reading AS standing ON standing.claim_no = claim.claim_no
        AND standing.register_no = claim.register_no AND captured_at_ms = claim.at_ms
    WHERE word.house_no = :house_no AND word.period = :period)
    AND NOT EXISTS (SELECT 1 FROM verdict
        WHERE (verdict.register_no, verdict.captured_at_ms, verdict.copy)
              = (reading.register_no, reading.captured_at_ms, reading.copy))

-- name: brought
SELECT reading.register_no, reading.captured_at_ms, reading.copy,
       coalesce(claim.source, 'inspection'), coalesce(claim.actor, decision.actor, ''),
       coalesce(claim.reference, document, ''), claim.claim_no
FROM json_each(?) AS wanted
JOIN reading ON reading.register_no = CAST(wanted.value ->> 0 AS BIGINT)
    AND reading.captured_at_ms = CAST(wanted.value ->> 1 AS BIGINT)
    AND reading.copy = CAST(wanted.value ->> 2 AS BIGINT) AND reading.batch_no = 0
LEFT JOIN claim_reading AS standing USING (register_no, captured_at_ms, copy)
LEFT JOIN claim ON claim.claim_no = standing.claim_no
LEFT JOIN decision ON decision.register_no = reading.register_no
    AND read_at_ms = reading.captured_at_ms AND read_copy = reading.copy

-- name: list
SELECT claim.claim_no, source, reference, house.name, account.number, dwelling, serial, obis,
       register.unit, claim.mantissa, exponent, step, claim.at_ms, claim.actor, entered_ms,
       coalesce(last.outcome, 'open'), last.reason, last.period,
       (SELECT json_group_array(rule || ' ' || detail) FROM (
            SELECT rule, detail FROM claim_finding
            WHERE claim_finding.claim_no = claim.claim_no ORDER BY finding_no) AS found),
       standing.state, claim.register_no
FROM claim
JOIN register USING (register_no)
JOIN meter USING (meter_no)
LEFT JOIN installation ON installation.meter_no = meter.meter_no
    AND installed_at_ms <= claim.at_ms
    AND (removed_at_ms IS NULL OR claim.at_ms < removed_at_ms)
LEFT JOIN point USING (point_no)
LEFT JOIN account USING (account_no)
LEFT JOIN house ON house.house_no = point.house_no
LEFT JOIN claim_decision AS last ON last.decision_no = (
    SELECT max(decision_no) FROM claim_word AS word WHERE word.claim_no = claim.claim_no)
LEFT JOIN claim_reading AS standing ON standing.claim_no = claim.claim_no
    AND standing.register_no = claim.register_no AND captured_at_ms = claim.at_ms
WHERE (CAST(:house AS TEXT) IS NULL OR house.name = :house)
    AND (CAST(:claim_no AS BIGINT) IS NULL OR claim.claim_no = :claim_no)
    AND (CAST(:register_no AS BIGINT) IS NULL OR claim.register_no = :register_no)
    AND claim.at_ms >= :from_ms AND claim.at_ms < :until_ms
ORDER BY claim.at_ms DESC, claim.claim_no DESC LIMIT :most

-- The house a meter stands in, or stood in last.
-- name: places-by-serial
SELECT serial, timezone FROM meter
JOIN installation USING (meter_no)
JOIN point USING (point_no)
JOIN house USING (house_no)
WHERE serial = ? AND registered = 1 ORDER BY installed_at_ms DESC LIMIT 1

-- name: places-by-account
SELECT serial, timezone FROM account
JOIN point USING (account_no)
JOIN house ON house.house_no = account.house_no
JOIN installation ON installation.point_no = point.point_no AND removed_at_ms IS NULL
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
WHERE account.number = ? AND obis = ? ORDER BY serial

-- name: set-policy
INSERT INTO source_policy (since, sources, fresh_days, tolerance_units, tolerance_percent, house_no)
SELECT ?, ?, ?, ?, ?, house_no FROM house WHERE name = ?
ON CONFLICT (house_no, since) DO UPDATE SET sources = excluded.sources,
    fresh_days = excluded.fresh_days, tolerance_units = excluded.tolerance_units,
    tolerance_percent = excluded.tolerance_percent

-- name: policies
SELECT house.name, since, sources, fresh_days, tolerance_units, tolerance_percent
FROM source_policy JOIN house USING (house_no) ORDER BY house.name, since
