-- Old months on their way into files, out of the ledger and back.

-- name: oldest
SELECT min((SELECT captured_at_ms FROM reading WHERE reading.register_no = register.register_no
            ORDER BY captured_at_ms LIMIT 1))
FROM register;

-- name: houses
SELECT house_no, name, timezone,
       (SELECT min(period) FROM closed_period WHERE closed_period.house_no = house.house_no)
FROM house ORDER BY house_no;

-- name: closed
SELECT 1 FROM closed_period WHERE house_no = ? AND period = ?;

-- name: owed
SELECT count(*) FROM estimate JOIN closing_line USING (line_no)
JOIN closed_period USING (closing_no)
WHERE settled_no IS NULL AND closed_period.house_no = ? AND period <= ?;

-- What waits for a person. Registers nobody registered are not billed, and wait for nobody.
-- name: waiting
SELECT count(*) FROM register JOIN reading ON reading.register_no = register.register_no
    AND captured_at_ms >= ? AND captured_at_ms < ? AND state = 1
WHERE registered = 1;

-- name: registers-of-houses
SELECT DISTINCT register_no FROM point
JOIN installation USING (point_no)
JOIN register USING (meter_no)
WHERE house_no >= ? AND house_no < ? AND installation_no = (
    SELECT installation_no FROM installation AS own WHERE own.meter_no = register.meter_no
    ORDER BY installed_at_ms, installation_no LIMIT 1)
ORDER BY register_no;

-- name: registers-of-nobody
SELECT register_no FROM register WHERE NOT EXISTS (
    SELECT 1 FROM installation WHERE installation.meter_no = register.meter_no)
ORDER BY register_no;

-- name: readings
SELECT reading.register_no, captured_at_ms, copy, mantissa, state, flags, reading.batch_no,
       position, coalesce(device.name, ''), coalesce(batch.sequence, 0), batch.hash
FROM json_each(?) w
JOIN reading ON reading.register_no = CAST(w.value ->> 0 AS BIGINT)
    AND captured_at_ms >= ? AND captured_at_ms < ?
LEFT JOIN batch ON batch.batch_no = reading.batch_no
LEFT JOIN device ON device.device_no = batch.device_no
ORDER BY reading.register_no, captured_at_ms, copy;

-- What stays of the readings of a file: what a closed line begins or ends with, what a rule or a
-- person had something to say about, what people brought, what waits, the first and the last two
-- that count of a register, and the last one before a meter was taken down.
-- name: stays
WITH wanted AS MATERIALIZED (
    SELECT CAST(w.value ->> 0 AS BIGINT) AS register_no,
           CAST(w.value ->> 1 AS BIGINT) AS captured_at_ms, CAST(w.value ->> 2 AS BIGINT) AS copy
    FROM json_each(?1) w
), registers AS MATERIALIZED (
    SELECT DISTINCT register_no FROM wanted
), ends AS MATERIALIZED (
    SELECT register_no,
        (SELECT captured_at_ms FROM reading WHERE reading.register_no = registers.register_no
            AND state = 0 ORDER BY captured_at_ms LIMIT 1) AS first_ms,
        (SELECT captured_at_ms FROM reading WHERE reading.register_no = registers.register_no
            AND state = 0 ORDER BY captured_at_ms DESC LIMIT 1 OFFSET 1) AS prior_ms
    FROM registers
), removed AS MATERIALIZED (
    SELECT registers.register_no,
        (SELECT captured_at_ms FROM reading WHERE reading.register_no = registers.register_no
            AND state = 0 AND captured_at_ms < removed_at_ms
            ORDER BY captured_at_ms DESC LIMIT 1) AS last_ms
    FROM registers
    JOIN register ON register.register_no = registers.register_no
    JOIN installation ON installation.meter_no = register.meter_no AND removed_at_ms IS NOT NULL
)
SELECT wanted.register_no, wanted.captured_at_ms, wanted.copy FROM wanted
JOIN ends ON ends.register_no = wanted.register_no
WHERE wanted.copy >= 1000000 OR wanted.captured_at_ms = first_ms
    OR wanted.captured_at_ms >= coalesce(prior_ms, first_ms)
    OR EXISTS (SELECT 1 FROM removed WHERE removed.register_no = wanted.register_no
        AND last_ms = wanted.captured_at_ms)
    OR EXISTS (SELECT 1 FROM verdict WHERE verdict.register_no = wanted.register_no
        AND verdict.captured_at_ms = wanted.captured_at_ms AND verdict.copy = wanted.copy)
    OR EXISTS (SELECT 1 FROM decision WHERE decision.register_no = wanted.register_no
        AND decision.captured_at_ms = wanted.captured_at_ms AND decision.copy = wanted.copy)
    OR EXISTS (SELECT 1 FROM decision WHERE decision.register_no = wanted.register_no
        AND read_at_ms = wanted.captured_at_ms AND read_copy = wanted.copy)
    OR EXISTS (SELECT 1 FROM line_mark WHERE line_mark.register_no = wanted.register_no
        AND line_mark.at_ms = wanted.captured_at_ms AND line_mark.copy = wanted.copy)
ORDER BY 1, 2, 3;

-- Only what still is as the file says, to the last column.
-- name: take
DELETE FROM reading WHERE (register_no, captured_at_ms, copy) IN (
    SELECT reading.register_no, reading.captured_at_ms, reading.copy FROM json_each(?) w
    JOIN reading ON reading.register_no = CAST(w.value ->> 0 AS BIGINT)
        AND reading.captured_at_ms = CAST(w.value ->> 1 AS BIGINT)
        AND reading.copy = CAST(w.value ->> 2 AS BIGINT)
        AND mantissa = CAST(w.value ->> 3 AS BIGINT) AND state = CAST(w.value ->> 4 AS BIGINT)
        AND flags = CAST(w.value ->> 5 AS BIGINT) AND batch_no = CAST(w.value ->> 6 AS BIGINT)
        AND position = CAST(w.value ->> 7 AS BIGINT)
    WHERE state <> 1 AND batch_no > 0);

-- name: take-month
SELECT archive_month(?, ?);

-- name: put-back
INSERT INTO reading VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- A month that was brought back and is put away again has the file it had.
-- name: note-written
INSERT INTO archive_file (digest, month, house_group, file, readings, written_at_ms)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET file = excluded.file, written_at_ms = excluded.written_at_ms,
    taken_at_ms = NULL, restored_at_ms = NULL;

-- name: note-taken
UPDATE archive_file SET taken_at_ms = ?, restored_at_ms = NULL WHERE digest = ?;

-- name: note-restored
UPDATE archive_file SET restored_at_ms = ? WHERE digest = ?;

-- name: files
SELECT digest, month, house_group, file, readings, written_at_ms, taken_at_ms, restored_at_ms
FROM archive_file ORDER BY month, house_group, written_at_ms;
