-- Releases of the edge's software: what is kept, rings of devices, offers and where they stand.

-- name: add
INSERT INTO software_release (software, arch, manifest, statement, added_at_ms, added_by)
VALUES (:software, :arch, :manifest, :statement, :added_at_ms, :added_by);

-- name: releases
SELECT release_no, software, arch, manifest, statement, added_at_ms, added_by
FROM software_release
WHERE CAST(:software AS TEXT) IS NULL OR software = :software
ORDER BY added_at_ms DESC, release_no DESC;

-- name: places
-- Devices that may speak, with their rings.
SELECT s.device_no, s.device, coalesce(r.ring, 9) AS ring, coalesce(r.arch, '')
FROM speaking_device s LEFT JOIN software_ring r USING (device_no)
WHERE CAST(:ring AS BIGINT) IS NULL OR coalesce(r.ring, 9) = :ring
ORDER BY s.device;

-- name: place
INSERT INTO software_ring (device_no, ring, arch)
SELECT device_no, :ring, coalesce(CAST(:arch AS TEXT), '') FROM speaking_device WHERE device = :device
ON CONFLICT (device_no) DO UPDATE
SET ring = excluded.ring,
    arch = CASE WHEN CAST(:arch AS TEXT) IS NULL THEN software_ring.arch ELSE excluded.arch END;

-- name: offer
INSERT INTO software_offer (device_no, release_no, number, ring, step, runs, reason, step_at_ms)
VALUES (:device_no, :release_no, :number, :ring, 'offered', '', '', :at_ms);

-- name: offers
-- The last offer of a version to each device, with what became of its command.
SELECT o.device_no, d.name, o.ring, o.release_no, o.number, o.step, o.runs, o.reason, o.step_at_ms,
    coalesce(c.outcome, ''), coalesce(c.reason, '')
FROM software_offer o
JOIN software_release r USING (release_no)
JOIN device d ON d.device_no = o.device_no
LEFT JOIN command c ON c.device_no = o.device_no AND c.number = o.number
WHERE r.software = :software AND o.offer_no = (SELECT max(n.offer_no) FROM software_offer n
    WHERE n.device_no = o.device_no AND n.release_no = o.release_no)
ORDER BY o.ring, d.name;

-- name: offered
SELECT o.number, o.step, r.release_no, r.software, r.arch, r.manifest, r.statement, r.added_at_ms,
    r.added_by
FROM software_offer o JOIN software_release r USING (release_no)
WHERE o.device_no = :device_no AND r.manifest = :manifest
ORDER BY o.offer_no DESC LIMIT 1;

-- name: step
UPDATE software_offer SET step = :step, runs = :runs, reason = :reason, step_at_ms = :at_ms
WHERE device_no = :device_no AND number = :number;
