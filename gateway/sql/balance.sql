-- A house's balance: closed lines, facts of the registry, and what hints are made of.

-- name: timezone
SELECT timezone FROM house WHERE name = ?;

-- name: house-no
SELECT house_no FROM house WHERE name = ?;

-- name: last-closed
SELECT max(period) FROM closed_period JOIN house USING (house_no) WHERE name = ?;

-- name: is-closed
SELECT count(*) FROM closed_period JOIN house USING (house_no) WHERE name = ? AND period = ?;

-- name: lines
-- With what corrected them since, so that an estimate does not stay in the balance.
SELECT point.name, kind, resource, line.obis, line.unit, account, dwelling, serial,
       coalesce(correction.method, line.method), correction.line_no IS NOT NULL,
       coalesce(correction.closing_at_ms, line.closing_at_ms),
       consumption_mantissa, consumption_exponent,
       coalesce(difference_mantissa, 0), coalesce(difference_exponent, 0), role, behind
FROM closed_period
JOIN house USING (house_no)
JOIN closing_line AS line USING (closing_no)
JOIN point USING (point_no)
LEFT JOIN correction ON correction.line_no = line.line_no
JOIN register ON register.register_no = line.closing_register_no
JOIN meter USING (meter_no)
WHERE house.name = ? AND period = ?
ORDER BY line.line_no;

-- name: accounts
SELECT number, dwelling FROM account JOIN house USING (house_no)
WHERE house.name = ? ORDER BY length(dwelling), dwelling, number;

-- name: flagged
-- A device speaks only of meters it is to read then; a boot that is not placed yet says nothing.
WITH placed AS (
    SELECT notice.*, CASE WHEN length(notice.boot) = 0 THEN 0 ELSE started_at_ms END AS start_ms
    FROM meter_notice AS notice
    LEFT JOIN boot ON boot.device_no = notice.device_no AND boot.boot = notice.boot
)
SELECT dwelling, point.name, resource, serial, status, start_ms + first_ms, start_ms + last_ms,
       times, device.name, batch.sequence
FROM house
JOIN point USING (house_no)
JOIN installation USING (point_no)
JOIN meter USING (meter_no)
JOIN placed ON placed.meter = serial
    AND start_ms + first_ms >= installed_at_ms
    AND (removed_at_ms IS NULL OR start_ms + first_ms < removed_at_ms)
JOIN device_meter AS binding ON binding.meter_no = installation.meter_no
    AND binding.device_no = placed.device_no
    AND start_ms + first_ms >= binding.valid_from_ms
    AND (binding.valid_to_ms IS NULL OR start_ms + first_ms < binding.valid_to_ms)
JOIN device ON device.device_no = placed.device_no
JOIN batch USING (batch_no)
LEFT JOIN account ON account.account_no = point.account_no
WHERE house.name = :house AND start_ms + last_ms >= :from_ms AND start_ms + first_ms < :until_ms
ORDER BY start_ms + first_ms, serial, device.name, status;

-- name: judged
-- Falls of the time asked for. A register that stands still is one whose last accepted value at
-- the end is still the one the finding was about, however long ago that was.
WITH found AS (
SELECT register.register_no, point.point_no, verdict.rule, min(verdict.captured_at_ms) AS first_ms,
       max(verdict.captured_at_ms) AS last_ms, count(*) AS times, max(verdict_no) AS newest_no
FROM house
JOIN point USING (house_no)
JOIN installation USING (point_no)
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
JOIN verdict ON verdict.register_no = register.register_no
    AND verdict.captured_at_ms >= installed_at_ms
    AND (removed_at_ms IS NULL OR verdict.captured_at_ms < removed_at_ms)
    AND verdict.captured_at_ms < :until_ms
WHERE house.name = :house AND (
    (verdict.rule = 'V-NEG' AND verdict.captured_at_ms >= :from_ms)
    OR (verdict.rule = 'V-ZERO' AND (removed_at_ms IS NULL OR removed_at_ms > :from_ms)
        AND (SELECT mantissa FROM reading
             WHERE reading.register_no = register.register_no AND state = 0
                 AND captured_at_ms < :until_ms
             ORDER BY captured_at_ms DESC, copy DESC LIMIT 1)
          = (SELECT mantissa FROM reading
             WHERE reading.register_no = register.register_no
                 AND reading.captured_at_ms = verdict.captured_at_ms
                 AND reading.copy = verdict.copy)))
GROUP BY register.register_no, point.point_no, verdict.rule
)
SELECT account.dwelling, point.name, resource, serial, obis, found.rule, first_ms, last_ms, times,
       detail
FROM found
JOIN verdict ON verdict_no = newest_no
JOIN register ON register.register_no = found.register_no
JOIN meter USING (meter_no)
JOIN point ON point.point_no = found.point_no
LEFT JOIN account ON account.account_no = point.account_no
ORDER BY first_ms, found.register_no, found.rule, found.point_no;

-- name: flows
-- The accepted levels of the dwellings' water in each night, both ends included. The cross joins
-- keep the nights outside, so that no more of the history is touched than they hold. A register
-- with a factor counts pulses, not litres: it is left out, for no flow can be told of it.
SELECT account.dwelling, point.name, resource, serial, obis, unit, exponent, night.key,
       captured_at_ms, mantissa
FROM house
JOIN point USING (house_no)
JOIN installation USING (point_no)
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
LEFT JOIN account ON account.account_no = point.account_no
CROSS JOIN json_each(:windows) AS night
CROSS JOIN reading
WHERE reading.register_no = register.register_no AND state = 0
    AND captured_at_ms BETWEEN CAST(night.value ->> 0 AS BIGINT)
        AND CAST(night.value ->> 1 AS BIGINT)
    AND captured_at_ms >= installed_at_ms
    AND (removed_at_ms IS NULL OR captured_at_ms < removed_at_ms)
    AND house.name = :house AND kind = 'dwelling' AND unit = 'm3' AND factor = '1'
    AND resource IN ('cold-water', 'hot-water')
ORDER BY register.register_no, captured_at_ms, copy;

-- name: houses
SELECT name FROM house;

-- name: house-of-accounts
SELECT number, name FROM account JOIN house USING (house_no);

-- name: house-of-points
SELECT point.name, house.name FROM point JOIN house USING (house_no) WHERE kind = 'house';

-- name: areas
SELECT house.name, coalesce(number, point.name, ''), use, area, residents, valid_from
FROM area_fact
JOIN house USING (house_no)
LEFT JOIN account USING (account_no)
LEFT JOIN point USING (point_no)
WHERE CAST(:house AS TEXT) IS NULL OR house.name = :house
ORDER BY fact_no;

-- name: norms
SELECT house.name, resource, unit, per_m2, per_resident, valid_from, source
FROM common_norm JOIN house USING (house_no)
WHERE CAST(:house AS TEXT) IS NULL OR house.name = :house
ORDER BY house_no, resource, valid_from;

-- name: add-area
INSERT INTO area_fact (house_no, account_no, point_no, use, area, residents, valid_from)
SELECT house_no,
       (SELECT account_no FROM account WHERE :use IN ('dwelling', 'nonresidential')
            AND number = :subject),
       (SELECT point_no FROM point WHERE :use = 'heating' AND name = :subject),
       :use, :area, :residents, :valid_from
FROM house WHERE name = :house;

-- name: add-norm
INSERT INTO common_norm (house_no, resource, unit, per_m2, per_resident, valid_from, source)
SELECT house_no, :resource, :unit, :per_m2, :per_resident, :valid_from, :source
FROM house WHERE name = :house;

-- name: unheard
SELECT batch_no, device_no, message FROM batch
WHERE batch_no > (SELECT batch_no FROM notices_heard) ORDER BY batch_no LIMIT ?;

-- name: add-notice
INSERT INTO meter_notice
VALUES (:meter, :device_no, :boot, :hour, :status, :first_ms, :last_ms, :times, :batch_no)
ON CONFLICT (meter, device_no, boot, hour, status) DO UPDATE
SET first_ms = min(meter_notice.first_ms, excluded.first_ms),
    last_ms = max(meter_notice.last_ms, excluded.last_ms),
    times = meter_notice.times + excluded.times,
    batch_no = CASE WHEN excluded.first_ms < meter_notice.first_ms THEN excluded.batch_no
        ELSE meter_notice.batch_no END;

-- name: heard
UPDATE notices_heard SET batch_no = ?;
