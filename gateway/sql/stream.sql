-- The stream of changes: where it is now, how far its followers are, and what lies between.

-- name: cursor
SELECT batch_no, change_no, decision_no, scanning, register_no, captured_at_ms, copy,
       sent, moved_at_ms
FROM stream_reader WHERE name = ?

-- name: start
INSERT INTO stream_reader (name, batch_no, change_no, decision_no, scanning,
    register_no, captured_at_ms, copy, sent, moved_at_ms)
VALUES (?, ?, ?, ?, 1, 0, 0, 0, 0, ?)
ON CONFLICT (name) DO UPDATE SET batch_no = excluded.batch_no, change_no = excluded.change_no,
    decision_no = excluded.decision_no, scanning = 1,
    register_no = 0, captured_at_ms = 0, copy = 0, sent = 0, moved_at_ms = excluded.moved_at_ms

-- Only where it still stands as it was read: another follower of the name may have moved it.
-- name: move
UPDATE stream_reader SET batch_no = ?, change_no = ?, decision_no = ?, scanning = ?,
    register_no = ?, captured_at_ms = ?, copy = ?, sent = ?, moved_at_ms = ?
WHERE name = ? AND batch_no = ? AND change_no = ? AND decision_no = ? AND scanning = ?
    AND register_no = ? AND captured_at_ms = ? AND copy = ?

-- name: ends
SELECT (SELECT coalesce(max(change_no), 0) FROM reading_change),
       (SELECT coalesce(max(decision_no), 0) FROM decision),
       (SELECT coalesce(max(change_no), 0) FROM stream_reader)

-- name: prune
DELETE FROM reading_change WHERE change_no <= (SELECT min(change_no) FROM stream_reader)
    AND change_no < (SELECT max(change_no) FROM reading_change)

-- name: batches
SELECT batch.batch_no, batch.device_no, message, started_at_ms, reading_count FROM batch
LEFT JOIN boot ON boot.device_no = batch.device_no AND boot.boot = batch.boot
WHERE batch.batch_no > ? AND batch.batch_no <= ? ORDER BY batch.batch_no LIMIT ?

-- name: changes
SELECT change_no, batch_no, register_no, captured_at_ms, copy, state_before FROM reading_change
WHERE change_no > ? AND change_no <= ? ORDER BY change_no LIMIT ?

-- What a person read at the meter in a reading's place; what a decision made of the reading itself
-- is a change.
-- name: decisions
SELECT decision_no, register_no, read_at_ms FROM decision
WHERE decision_no > ? AND decision_no <= ? ORDER BY decision_no LIMIT ?

-- The registers that readings of a device under these names may be stored under.
-- name: registers
WITH wanted AS (
    SELECT CAST(w.value ->> 0 AS BIGINT) AS device_no, w.value ->> 1 AS serial,
           w.value ->> 2 AS obis
    FROM json_each(?) w
)
SELECT wanted.device_no, wanted.serial, wanted.obis, register.register_no FROM wanted
JOIN meter ON meter.serial = wanted.serial
JOIN register ON register.meter_no = meter.meter_no AND register.obis = wanted.obis
    AND register.registered = 1
UNION ALL
SELECT wanted.device_no, wanted.serial, wanted.obis, register.register_no FROM wanted
JOIN meter ON meter.serial = wanted.serial
JOIN register ON register.found_by = wanted.device_no AND register.meter_no = meter.meter_no
    AND register.obis = wanted.obis AND register.registered = 0

-- name: readings
WITH wanted AS (
    SELECT CAST(w.value ->> 0 AS BIGINT) AS register_no, CAST(w.value ->> 1 AS BIGINT) AS at_ms
    FROM json_each(?) w
)
SELECT reading.register_no, captured_at_ms, copy, mantissa, state, batch_no FROM wanted
JOIN reading ON reading.register_no = wanted.register_no AND captured_at_ms = wanted.at_ms
ORDER BY reading.register_no, captured_at_ms, copy

-- name: scan
SELECT register_no, captured_at_ms, copy, mantissa, state, batch_no FROM reading
WHERE (register_no, captured_at_ms, copy) > (?, ?, ?)
ORDER BY register_no, captured_at_ms, copy LIMIT ?
