-- The day series: registers, their readings, what was found, and how far the job has come.

-- name: standing
-- Registers of meters while they stood at a point; the job asks for a house, people for a name.
SELECT register.register_no, house.name, house.timezone, point.point_no, point.name,
       account.dwelling, resource, serial, obis, unit, exponent, digits, rate_max_per_h,
       installed_at_ms, removed_at_ms, initial_mantissa, final_mantissa, factor
FROM house
JOIN point USING (house_no)
JOIN installation USING (point_no)
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
LEFT JOIN installation_value AS shown ON shown.installation_no = installation.installation_no
    AND shown.register_no = register.register_no
LEFT JOIN account ON account.account_no = point.account_no
WHERE installed_at_ms < :to_ms AND (removed_at_ms IS NULL OR removed_at_ms > :from_ms)
    AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
    AND (CAST(:name AS TEXT) IS NULL OR point.name = :name OR serial = :name)
    AND (CAST(:point_no AS BIGINT) IS NULL OR point.point_no = :point_no)
    AND register.register_no > :after_no
ORDER BY register.register_no, installed_at_ms
LIMIT :most;

-- name: timezone-of
SELECT timezone FROM house JOIN point USING (house_no)
WHERE point.name = :name
UNION ALL
SELECT timezone FROM house JOIN point USING (house_no) JOIN installation USING (point_no)
JOIN meter USING (meter_no) WHERE serial = :name
LIMIT 1;

-- name: checking-point
SELECT point_no FROM point_relation
WHERE other_point_no = :point_no AND kind = 'checks'
    AND since_ms <= :at_ms AND (until_ms IS NULL OR until_ms > :at_ms)
ORDER BY since_ms DESC LIMIT 1;

-- A claim closes a period; it is no part of a day's series.
-- name: newest
SELECT DISTINCT captured_at_ms FROM automatic_reading
WHERE register_no = ? AND captured_at_ms <= ? AND state = 0
ORDER BY captured_at_ms DESC LIMIT ?;

-- name: levels
SELECT captured_at_ms, mantissa FROM automatic_reading
WHERE register_no = ? AND captured_at_ms BETWEEN ? AND ? AND state = 0
ORDER BY captured_at_ms, copy LIMIT ?;

-- name: findings
SELECT house.name, point.name, dwelling, resource, serial, obis, day,
       rule, severity, quality, detail
FROM day_finding AS found
JOIN house ON house.house_no = found.house_no
JOIN point ON point.point_no = found.point_no
JOIN register USING (register_no)
JOIN meter USING (meter_no)
LEFT JOIN account ON account.account_no = point.account_no
WHERE (CAST(:house AS TEXT) IS NULL OR house.name = :house) AND day BETWEEN :first AND :last
ORDER BY day DESC, length(dwelling) NULLS FIRST, dwelling, point.name, obis, rule
LIMIT :most;

-- name: houses
SELECT name, timezone FROM house ORDER BY name;

-- name: first-reading
SELECT min((SELECT min(captured_at_ms) FROM automatic_reading
            WHERE automatic_reading.register_no = register.register_no AND state = 0))
FROM house
JOIN point USING (house_no)
JOIN installation USING (point_no)
JOIN register ON register.meter_no = installation.meter_no AND registered = 1
WHERE house.name = ?;

-- name: stands
SELECT day, register_no, done FROM checked_day JOIN house USING (house_no)
WHERE name = ? AND day >= ?;

-- name: keep-stand
INSERT INTO checked_day (house_no, day, register_no, done)
SELECT house_no, :day, :register_no, :done FROM house WHERE name = :house
ON CONFLICT (house_no, day) DO UPDATE SET register_no = excluded.register_no,
    done = excluded.done;

-- name: keep-finding
-- A meter that was moved within the day has two installations, and says so under the later one.
INSERT INTO day_finding
SELECT :register_no, :day, :rule, :severity, :quality, :detail, house_no, point_no, :now_ms,
       :version
FROM register
JOIN installation USING (meter_no)
JOIN point USING (point_no)
WHERE register_no = :register_no AND installed_at_ms < :to_ms
ORDER BY installed_at_ms DESC LIMIT 1
ON CONFLICT (register_no, day, rule) DO UPDATE SET severity = excluded.severity,
    quality = excluded.quality, detail = excluded.detail, house_no = excluded.house_no,
    point_no = excluded.point_no, given_at_ms = excluded.given_at_ms,
    rules_version = excluded.rules_version;

-- name: drop-stand
DELETE FROM checked_day
WHERE day = :day AND house_no = (SELECT house_no FROM house WHERE name = :house);

-- name: drop-findings
DELETE FROM day_finding
WHERE day = :day AND house_no = (SELECT house_no FROM house WHERE name = :house);

-- name: forget-stands
DELETE FROM checked_day
WHERE day < :day AND house_no = (SELECT house_no FROM house WHERE name = :house);

-- name: forget-findings
DELETE FROM day_finding
WHERE day < :day AND house_no = (SELECT house_no FROM house WHERE name = :house);

-- name: arrivals
-- When what came last was captured: signed by a clock that knows the time, or placed by its boot;
-- and what waited for a boot that is placed now, from the boot's start on.
WITH fresh AS MATERIALIZED (
    SELECT batch_no, device_no, signed_at_ms, clock_state, boot, uptime_ms FROM batch
    WHERE batch_no > (SELECT batch_no FROM checked_batches) ORDER BY batch_no LIMIT :most
), captured AS (
    SELECT fresh.device_no, CASE WHEN clock_state IN ('S', 'I') THEN signed_at_ms
        ELSE started_at_ms + fresh.uptime_ms END AS at_ms
    FROM fresh
    LEFT JOIN boot ON boot.device_no = fresh.device_no AND boot.boot = fresh.boot
    UNION ALL
    SELECT boot.device_no, started_at_ms FROM fresh JOIN boot USING (batch_no)
)
SELECT house.name, min(at_ms), max(at_ms) FROM captured
JOIN device USING (device_no)
JOIN house USING (house_no)
WHERE at_ms IS NOT NULL
GROUP BY house.name, at_ms / 3600000 ORDER BY 1, 2;

-- What a person decided changes the day of the reading, and that of one taken in its place.
-- name: decided
WITH fresh AS MATERIALIZED (
    SELECT register_no, captured_at_ms, read_at_ms FROM decision
    WHERE decision_no > (SELECT decision_no FROM checked_batches) ORDER BY decision_no LIMIT :most
), about AS (
    SELECT register_no, captured_at_ms AS at_ms FROM fresh
    UNION SELECT register_no, read_at_ms FROM fresh WHERE read_at_ms IS NOT NULL
)
SELECT DISTINCT house.name, at_ms, at_ms FROM about
JOIN register USING (register_no)
JOIN installation USING (meter_no)
JOIN point USING (point_no)
JOIN house USING (house_no)
WHERE installed_at_ms <= at_ms AND (removed_at_ms IS NULL OR at_ms <= removed_at_ms)
ORDER BY 1, 2;

-- name: looked-at-decisions
UPDATE checked_batches SET decision_no = coalesce(
    (SELECT max(decision_no) FROM (SELECT decision_no FROM decision
        WHERE decision_no > (SELECT decision_no FROM checked_batches)
        ORDER BY decision_no LIMIT :most) AS fresh),
    decision_no);

-- name: looked-through
UPDATE checked_batches SET batch_no = coalesce(
    (SELECT max(batch_no) FROM (SELECT batch_no FROM batch
        WHERE batch_no > (SELECT batch_no FROM checked_batches)
        ORDER BY batch_no LIMIT :most) AS fresh),
    batch_no);
