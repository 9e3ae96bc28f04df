-- The life of meters: verifications, seals, relations of points, and what closing asks of them.

-- name: dials
SELECT m.serial, r.obis, r.exponent, r.digits
FROM meter m JOIN register r ON r.meter_no = m.meter_no AND r.registered = 1
WHERE m.registered = 1;

-- name: places
SELECT p.name, h.name, p.resource, p.kind FROM point p JOIN house h USING (house_no);

-- name: verifications
SELECT m.serial, v.verified_on, v.months, v.valid_until, v.number, v.verified_by, v.finding,
    (SELECT json_group_array(r.obis || ' ' || n.mantissa)
        FROM verification_value n JOIN register r USING (register_no)
        WHERE n.verification_no = v.verification_no)
FROM verification v JOIN meter m USING (meter_no)
WHERE CAST(?1 AS TEXT) IS NULL OR m.serial = ?1
ORDER BY m.serial, v.verified_on;

-- name: drop-noted
DELETE FROM verification_value WHERE verification_no = (
    SELECT verification_no FROM verification JOIN meter USING (meter_no)
    WHERE serial = :meter AND verified_on = :verified_on);

-- name: set-verification
INSERT INTO verification
    (meter_no, verified_on, months, valid_until, number, verified_by, finding)
SELECT meter_no, :verified_on, :months, :valid_until, :number, :verified_by, :finding
FROM meter WHERE serial = :meter
ON CONFLICT (meter_no, verified_on) DO UPDATE SET months = excluded.months,
    valid_until = excluded.valid_until, number = excluded.number,
    verified_by = excluded.verified_by, finding = excluded.finding;

-- name: set-noted
INSERT INTO verification_value (verification_no, register_no, mantissa)
SELECT verification_no, register_no, :mantissa
FROM meter m
JOIN verification v ON v.meter_no = m.meter_no AND v.verified_on = :verified_on
JOIN register r ON r.meter_no = m.meter_no AND r.obis = :register AND r.registered = 1
WHERE m.serial = :meter;

-- name: seals
SELECT serial, number, place, set_on, set_by, checked_on, broken_on, removed_on
FROM seal JOIN meter USING (meter_no)
WHERE CAST(?1 AS TEXT) IS NULL OR serial = ?1
ORDER BY serial, set_on, number;

-- name: set-seal
INSERT INTO seal
    (meter_no, number, place, set_on, set_by, checked_on, broken_on, removed_on)
SELECT meter_no, :number, :place, :set_on, :set_by, :checked_on, :broken_on, :removed_on
FROM meter WHERE serial = :meter
ON CONFLICT (meter_no, number) DO UPDATE SET place = excluded.place, set_on = excluded.set_on,
    set_by = excluded.set_by, checked_on = excluded.checked_on, broken_on = excluded.broken_on,
    removed_on = excluded.removed_on;

-- name: relations
SELECT p.name, r.kind, o.name, r.since_ms, r.until_ms, h.timezone
FROM point_relation r
JOIN point p USING (point_no)
JOIN point o ON o.point_no = r.other_point_no
JOIN house h ON h.house_no = p.house_no
ORDER BY p.name, r.since_ms;

-- name: zone-of-point
SELECT h.timezone FROM point p JOIN house h USING (house_no) WHERE p.name = ?;

-- name: set-relation
INSERT INTO point_relation (point_no, kind, other_point_no, since_ms, until_ms)
SELECT p.point_no, :kind, o.point_no, :since_ms, :until_ms
FROM point p JOIN point o ON o.name = :other WHERE p.name = :point
ON CONFLICT (point_no, since_ms) DO UPDATE SET kind = excluded.kind,
    other_point_no = excluded.other_point_no, until_ms = excluded.until_ms;

-- name: standing
-- The registered meters that stand now, with the clock of their house.
SELECT h.name, a.dwelling, p.name, p.resource, m.serial, h.timezone
FROM house h
JOIN point p USING (house_no)
JOIN installation i ON i.point_no = p.point_no AND i.removed_at_ms IS NULL
JOIN meter m USING (meter_no)
LEFT JOIN account a USING (account_no)
WHERE CAST(?1 AS TEXT) IS NULL OR h.name = ?1
ORDER BY h.name, length(a.dwelling) NULLS FIRST, a.dwelling, p.name;

-- name: broken-seals
-- Seals of the meters that stand in a house now.
SELECT m.serial, s.number, s.place, s.set_on, s.set_by, s.checked_on, s.broken_on, s.removed_on
FROM seal s
JOIN meter m USING (meter_no)
JOIN installation i ON i.meter_no = m.meter_no AND i.removed_at_ms IS NULL
JOIN point p USING (point_no)
JOIN house h USING (house_no)
WHERE CAST(?1 AS TEXT) IS NULL OR h.name = ?1
ORDER BY m.serial, s.number;

-- name: verified-in-house
-- The verifications of every meter that has ever stood in a house.
SELECT m.meter_no, m.serial, v.verified_on, v.months, v.valid_until, v.number, v.verified_by,
    v.finding
FROM verification v
JOIN meter m USING (meter_no)
WHERE v.meter_no IN (
    SELECT i.meter_no FROM point p JOIN installation i USING (point_no) WHERE p.house_no = ?)
ORDER BY m.meter_no, v.verified_on;

-- name: orders-in-house
-- The orders against them that were not taken back.
SELECT o.meter_no, o.from_ms, o.cause, o.until_ms
FROM out_of_order o
WHERE o.fit_at_ms IS NULL AND o.meter_no IN (
    SELECT i.meter_no FROM point p JOIN installation i USING (point_no) WHERE p.house_no = ?)
ORDER BY o.meter_no, o.from_ms, o.order_no;

-- name: registers-of-meters
SELECT register_no, meter_no FROM register
WHERE registered = 1 AND meter_no IN (
    SELECT CAST(w.value AS BIGINT) FROM json_each(?) w);

-- name: noted
-- What a register showed at a verification.
SELECT n.mantissa FROM verification_value n JOIN verification v USING (verification_no)
WHERE n.register_no = ? AND v.verified_on = ?;

-- name: first-after
SELECT captured_at_ms, mantissa FROM reading
WHERE register_no = ? AND state = 0 AND captured_at_ms >= ? AND captured_at_ms < ?
ORDER BY captured_at_ms, copy DESC LIMIT 1;

-- name: relations-in-house
-- As they stand at an instant.
SELECT r.point_no, r.kind, o.name
FROM point_relation r
JOIN point p USING (point_no)
JOIN point o ON o.point_no = r.other_point_no
WHERE p.house_no = ?1 AND r.since_ms < ?2 AND (r.until_ms IS NULL OR r.until_ms >= ?2)
ORDER BY r.point_no, r.since_ms;

-- name: meters-of-point
SELECT m.serial FROM installation i
JOIN meter m USING (meter_no) JOIN point p USING (point_no)
WHERE p.name = ? GROUP BY m.serial ORDER BY min(i.installed_at_ms), m.serial;

-- name: passport
SELECT serial, model FROM meter WHERE serial = ? AND registered = 1;

-- name: installations
SELECT p.name, h.name, coalesce(a.dwelling, ''), p.resource, i.installed_at_ms, i.removed_at_ms,
    i.factor, r.obis, r.unit, r.exponent, v.initial_mantissa, v.final_mantissa, v.final_rolled
FROM meter m
JOIN installation i USING (meter_no)
JOIN point p USING (point_no)
JOIN house h USING (house_no)
LEFT JOIN account a USING (account_no)
JOIN installation_value v USING (installation_no)
JOIN register r USING (register_no)
WHERE m.serial = ? ORDER BY i.installed_at_ms, r.obis;

-- name: devices
SELECT d.name, b.valid_from_ms, b.valid_to_ms
FROM meter m JOIN device_meter b USING (meter_no) JOIN device d USING (device_no)
WHERE m.serial = ? ORDER BY b.valid_from_ms;

-- name: orders
SELECT o.cause, o.from_ms, o.fit_at_ms, o.until_ms
FROM meter m JOIN out_of_order o USING (meter_no)
WHERE m.serial = ? ORDER BY o.from_ms, o.order_no;

-- name: relations-of-point
SELECT p.name, r.kind, o.name, r.since_ms, r.until_ms, h.timezone
FROM point_relation r
JOIN point p USING (point_no)
JOIN point o ON o.point_no = r.other_point_no
JOIN house h ON h.house_no = p.house_no
WHERE p.name = ?1 OR o.name = ?1 ORDER BY r.since_ms, p.name;
