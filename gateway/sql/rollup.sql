-- Roll-ups of accepted readings of devices, by day and month on the clocks of the house.

-- name: zones
SELECT register_no, timezone FROM json_each(?) w
JOIN register ON register_no = CAST(w.value ->> 0 AS BIGINT) AND registered = 1
JOIN installation ON installation_no = (
    SELECT installation_no FROM installation AS own WHERE own.meter_no = register.meter_no
    ORDER BY installed_at_ms, installation_no LIMIT 1)
JOIN point USING (point_no)
JOIN house USING (house_no)
ORDER BY register_no;

-- name: days
WITH wanted AS (
    SELECT CAST(w.value ->> 0 AS BIGINT) AS register_no, w.value ->> 1 AS day,
           CAST(w.value ->> 2 AS BIGINT) AS from_ms, CAST(w.value ->> 3 AS BIGINT) AS to_ms
    FROM json_each(?) w
), edges AS (
    SELECT wanted.register_no, day, min(captured_at_ms) AS first_ms, max(captured_at_ms) AS last_ms,
           min(mantissa) AS least, max(mantissa) AS greatest, count(*) AS readings,
           sum(flags & 1) AS rolled
    FROM wanted
    JOIN automatic_reading AS reading ON reading.register_no = wanted.register_no
        AND captured_at_ms >= from_ms AND captured_at_ms < to_ms AND state = 0
    GROUP BY wanted.register_no, day
), firsts AS (
    SELECT edges.*,
        (SELECT flags & 1 FROM automatic_reading AS reading
            WHERE reading.register_no = edges.register_no AND captured_at_ms = first_ms
                AND state = 0 ORDER BY copy LIMIT 1) AS first_rolled,
        (SELECT mantissa FROM automatic_reading AS reading
            WHERE reading.register_no = edges.register_no AND captured_at_ms = first_ms
                AND state = 0 ORDER BY copy LIMIT 1) AS first_mantissa,
        (SELECT mantissa FROM automatic_reading AS reading
            WHERE reading.register_no = edges.register_no AND captured_at_ms = last_ms
                AND state = 0 ORDER BY copy LIMIT 1) AS last_mantissa
    FROM edges
)
SELECT register_no, day, first_ms, first_mantissa, first_rolled, last_ms, last_mantissa,
       least, greatest, readings, rolled - first_rolled
FROM firsts ORDER BY register_no, day;

-- name: keep-day
INSERT INTO rollup_day VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (register_no, day) DO UPDATE SET
    first_at_ms = excluded.first_at_ms, first_mantissa = excluded.first_mantissa,
    first_rolled = excluded.first_rolled, last_at_ms = excluded.last_at_ms,
    last_mantissa = excluded.last_mantissa, least = excluded.least,
    greatest = excluded.greatest, readings = excluded.readings, rolled = excluded.rolled;

-- name: drop-day
DELETE FROM rollup_day WHERE register_no = ? AND day = ?;

-- name: drop-month
DELETE FROM rollup_month WHERE register_no = ? AND month = ?;

-- name: keep-months
INSERT INTO rollup_month
WITH wanted AS (
    SELECT CAST(w.value ->> 0 AS BIGINT) AS register_no, w.value ->> 1 AS month
    FROM json_each(?) w
), edges AS (
    SELECT wanted.register_no, month, min(day) AS first_day, max(day) AS last_day,
           min(least) AS least, max(greatest) AS greatest, sum(readings) AS readings,
           sum(rolled + first_rolled) AS rolled
    FROM wanted
    JOIN rollup_day ON rollup_day.register_no = wanted.register_no
        AND day >= month || '-01' AND day <= month || '-31'
    GROUP BY wanted.register_no, month
)
SELECT edges.register_no, month, opened.first_at_ms, opened.first_mantissa, opened.first_rolled,
       closed.last_at_ms, closed.last_mantissa, edges.least, edges.greatest, edges.readings,
       edges.rolled - opened.first_rolled
FROM edges
JOIN rollup_day AS opened ON opened.register_no = edges.register_no AND opened.day = first_day
JOIN rollup_day AS closed ON closed.register_no = edges.register_no AND closed.day = last_day;

-- name: months-of
SELECT month, first_at_ms, first_mantissa, first_rolled, last_at_ms, last_mantissa, least,
       greatest, readings, rolled
FROM rollup_month WHERE register_no = ? AND month BETWEEN ? AND ? ORDER BY month;

-- name: days-of
SELECT day, first_at_ms, first_mantissa, first_rolled, last_at_ms, last_mantissa, least,
       greatest, readings, rolled
FROM rollup_day WHERE register_no = ? AND day BETWEEN ? AND ? ORDER BY day;

-- name: registers
SELECT register_no, serial, obis FROM register JOIN meter USING (meter_no)
WHERE register.registered = 1 AND register_no > ? ORDER BY register_no LIMIT ?;

-- What is away, or on its way: a month is, from its first file on, until all of them are restored.
-- name: archived
SELECT DISTINCT month FROM archive_file WHERE restored_at_ms IS NULL ORDER BY month;

-- name: raw
SELECT captured_at_ms, mantissa, flags FROM automatic_reading
WHERE register_no = ? AND captured_at_ms >= ? AND captured_at_ms < ? AND state = 0
ORDER BY captured_at_ms, copy LIMIT ?;
