-- Visits of installers: their records with what became of them, and points that wait.

-- name: visits
-- The newest records of a device's number, of a house ('' for none), or of all.
SELECT v.visit_no, v.device_no, d.name, coalesce(h.name, ''), v.number, v.sha256, v.key_id, v.source,
    v.received_at_ms, v.sealed, v.answer,
    (SELECT count(*) FROM visit_rival r WHERE r.visit_no = v.visit_no)
FROM visit v
JOIN device d USING (device_no)
LEFT JOIN house h USING (house_no)
WHERE (CAST(:house AS TEXT) IS NULL OR coalesce(h.name, '') = :house)
    AND (CAST(:device AS TEXT) IS NULL OR d.name = :device)
    AND (CAST(:number AS BIGINT) IS NULL OR v.number = :number)
ORDER BY v.received_at_ms DESC, v.visit_no DESC LIMIT :most;

-- name: steps
-- Where each event of those records stands: its newest step.
SELECT s.visit_no, s.position, s.outcome, s.code, s.said, s.actor, s.at_ms
FROM json_each(?) w JOIN visit_step s ON s.visit_no = CAST(w.value AS BIGINT)
WHERE s.step_no = (SELECT max(n.step_no) FROM visit_step n
    WHERE n.visit_no = s.visit_no AND n.position = s.position)
ORDER BY s.visit_no, s.position;

-- name: waiting-for
-- Records with an event that waits for one of those reasons, in the order they are to be tried.
SELECT DISTINCT d.name, v.number
FROM visit_step s
JOIN visit v USING (visit_no)
JOIN device d USING (device_no)
WHERE s.outcome = 'needs-a-person' AND s.code IN (SELECT w.atom FROM json_each(?) w)
    AND s.step_no = (SELECT max(n.step_no) FROM visit_step n
        WHERE n.visit_no = s.visit_no AND n.position = s.position)
ORDER BY d.name, v.number;

-- name: applied-of
SELECT DISTINCT v.number FROM visit v JOIN visit_step s USING (visit_no)
WHERE v.device_no = ? AND s.outcome = 'applied';

-- name: add
INSERT INTO visit (device_no, number, sha256, key_id, source, received_at_ms, audit_no, sealed,
    answer)
VALUES (:device_no, :number, :sha256, :key_id, :source, :received_at_ms, :audit_no, :sealed, :nothing)
RETURNING visit_no;

-- name: step
INSERT INTO visit_step (visit_no, position, outcome, code, said, actor, at_ms, audit_no)
VALUES (:visit_no, :position, :outcome, :code, :said, :actor, :at_ms, :audit_no);

-- name: add-rival
INSERT INTO visit_rival (visit_no, sha256, source, received_at_ms, sealed)
SELECT v.visit_no, :sha256, :source, :received_at_ms, :sealed FROM visit v
WHERE v.visit_no = :visit_no
    AND (SELECT count(*) FROM visit_rival r WHERE r.visit_no = v.visit_no) < :most
ON CONFLICT DO NOTHING;

-- name: photos
SELECT sha256, jpeg_sha256, file, received_at_ms, answer FROM visit_photo
WHERE visit_no = ? ORDER BY received_at_ms, sha256;

-- name: add-photo
INSERT INTO visit_photo (visit_no, sha256, jpeg_sha256, file, received_at_ms, is_removed, answer)
VALUES (:visit_no, :sha256, :jpeg_sha256, :file, :received_at_ms, 0, :answer);

-- name: expire-photos
UPDATE visit_photo SET is_removed = 1 WHERE is_removed = 0 AND received_at_ms < ?;

-- name: photos-to-delete
SELECT file FROM visit_photo WHERE is_removed = 1 AND file IS NOT NULL ORDER BY file LIMIT ?;

-- name: photos-deleted
UPDATE visit_photo SET file = NULL
WHERE is_removed = 1 AND file IN (SELECT w.atom FROM json_each(?) w);

-- name: photos-known
SELECT p.file FROM json_each(?) w JOIN visit_photo p ON p.file = w.atom;

-- name: place
SELECT p.point_no, p.name, h.name, h.address, h.timezone, coalesce(a.number, ''),
    coalesce(a.dwelling, ''), p.kind, p.resource
FROM point p
JOIN house h USING (house_no)
LEFT JOIN account a ON a.account_no = p.account_no
WHERE CASE WHEN CAST(:number AS BIGINT) IS NULL THEN p.name = :name
    ELSE p.point_no = CAST(:number AS BIGINT) END;

-- name: plan
SELECT place, serial, model, factor FROM point_plan WHERE point_no = ?;

-- name: plan-registers
SELECT obis, unit, exponent, digits, rate_max_per_h FROM point_plan_register
WHERE point_no = ? ORDER BY obis;

-- name: last-registers
-- The registers of the meter that stood at a point last, with its model.
SELECT m.model, r.obis, r.unit, r.exponent, r.digits, r.rate_max_per_h
FROM installation i
JOIN meter m USING (meter_no)
JOIN register r ON r.meter_no = m.meter_no AND r.registered = 1
WHERE i.installation_no = (SELECT l.installation_no FROM installation l
    WHERE l.point_no = ? ORDER BY l.installed_at_ms DESC LIMIT 1)
ORDER BY r.obis;

-- name: waiting
-- The points of a house without a meter, or with one that no device has brought a reading of.
SELECT p.point_no, p.name, h.name, h.address, h.timezone, coalesce(a.number, ''),
    coalesce(a.dwelling, ''), p.kind, p.resource, coalesce(m.serial, '')
FROM point p
JOIN house h USING (house_no)
LEFT JOIN account a ON a.account_no = p.account_no
LEFT JOIN installation i ON i.point_no = p.point_no AND i.removed_at_ms IS NULL
LEFT JOIN meter m ON m.meter_no = i.meter_no
WHERE h.name = ? AND NOT EXISTS (
    SELECT 1 FROM register r JOIN reading x ON x.register_no = r.register_no
    WHERE r.meter_no = i.meter_no AND r.registered = 1 AND x.batch_no > 0 AND x.state <> 2
        AND x.captured_at_ms >= i.installed_at_ms)
ORDER BY p.kind, length(a.dwelling), a.dwelling, p.name;

-- name: last-heard
SELECT max(signed_at_ms) FROM batch WHERE device_no = ?;

-- name: meters-of
SELECT m.serial FROM device_meter b JOIN meter m USING (meter_no)
WHERE b.device_no = ? AND b.valid_to_ms IS NULL ORDER BY m.serial;

-- name: stands
SELECT boot, started_at_ms FROM boot WHERE device_no = ?;

-- name: rejected
-- Batches of a device with readings of those meters since that did not count.
SELECT b.batch_no, b.device_no, b.message FROM batch b
WHERE b.device_no = :device AND b.batch_no > :after AND length(b.message) > 0 AND b.batch_no IN (
    SELECT x.batch_no FROM json_each(:serials) w
    JOIN meter m ON m.serial = w.atom
    JOIN register r ON r.meter_no = m.meter_no
    JOIN reading x ON x.register_no = r.register_no
    WHERE x.state = 2 AND x.captured_at_ms >= :since)
ORDER BY b.batch_no LIMIT :most;

-- name: set-plan
INSERT INTO point_plan (point_no, place, serial, model, factor)
SELECT point_no, :place, :serial, :model, :factor FROM point WHERE name = :point
ON CONFLICT (point_no) DO UPDATE SET place = excluded.place, serial = excluded.serial,
    model = excluded.model, factor = excluded.factor;

-- name: drop-plan-registers
DELETE FROM point_plan_register WHERE point_no = (SELECT point_no FROM point WHERE name = :point);

-- name: set-plan-register
INSERT INTO point_plan_register (point_no, obis, unit, exponent, digits, rate_max_per_h)
SELECT point_no, :register, :unit, :exponent, :digits, :rate_max_per_h
FROM point WHERE name = :point;
