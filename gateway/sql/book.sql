-- The registry book. Each statement has a name and a sentence.
-- The said-… queries take the distinct keys of registry lines as JSON and give, per subject, the
-- key and then the columns of registry_csv.SUBJECTS.

-- name: said-house
-- What is known of houses.
SELECT h.name, h.address, h.timezone
FROM json_each(?) w JOIN house h ON h.name = w.value ->> 0;

-- name: said-account
-- Whose accounts are known.
SELECT a.number, h.name, a.dwelling
FROM json_each(?) w JOIN account a ON a.number = w.value ->> 0 JOIN house h USING (house_no);

-- name: said-point
-- Where the known points are and what they measure.
SELECT p.name, h.name, coalesce(a.number, ''), p.kind, p.resource
FROM json_each(?) w
JOIN point p ON p.name = w.value ->> 0
JOIN house h USING (house_no)
LEFT JOIN account a ON a.account_no = p.account_no;

-- name: said-meter
-- The registered meters.
SELECT m.serial, m.model
FROM json_each(?) w JOIN meter m ON m.serial = w.value ->> 0 AND m.registered = 1;

-- name: said-installation
-- The installation that began as the line says; if there is none, the latest, which contradicts.
SELECT m.serial, p.name, i.installed_at_ms, d.name, i.factor
FROM json_each(?) w
JOIN meter m ON m.serial = w.value ->> 0
JOIN installation i ON i.installation_no = coalesce(
    (SELECT l.installation_no FROM installation l
        WHERE l.meter_no = m.meter_no AND l.installed_at_ms = CAST(w.value ->> 1 AS BIGINT)),
    (SELECT l.installation_no FROM installation l
        WHERE l.meter_no = m.meter_no ORDER BY l.installed_at_ms DESC LIMIT 1))
JOIN point p USING (point_no)
LEFT JOIN device_meter b ON b.meter_no = m.meter_no AND b.valid_from_ms = i.installed_at_ms
LEFT JOIN device d USING (device_no);

-- name: said-standing
-- The meter at the point now, unless the line tells of one that has stood there before.
SELECT p.name, m.serial
FROM json_each(?) w
JOIN point p ON p.name = w.value ->> 0
JOIN installation i ON i.point_no = p.point_no AND i.removed_at_ms IS NULL
JOIN meter m USING (meter_no)
WHERE NOT EXISTS (
    SELECT 1 FROM installation o JOIN meter n USING (meter_no)
    WHERE o.point_no = p.point_no AND n.serial = w.value ->> 1
        AND o.installed_at_ms = CAST(w.value ->> 2 AS BIGINT));

-- name: said-register
-- The registered registers.
SELECT m.serial, r.obis, r.unit, r.exponent, r.digits, r.rate_max_per_h
FROM json_each(?) w
JOIN meter m ON m.serial = w.value ->> 0
JOIN register r ON r.meter_no = m.meter_no AND r.obis = w.value ->> 1 AND r.registered = 1;

-- name: said-initial
-- The values registers were installed with.
SELECT m.serial, r.obis, v.initial_mantissa
FROM json_each(?) w
JOIN meter m ON m.serial = w.value ->> 0
JOIN register r ON r.meter_no = m.meter_no AND r.obis = w.value ->> 1 AND r.registered = 1
JOIN installation i ON i.meter_no = m.meter_no AND i.installed_at_ms = CAST(w.value ->> 2 AS BIGINT)
JOIN installation_value v USING (installation_no, register_no);

-- name: write-house
INSERT INTO house (name, address, timezone) VALUES (:house, :address, :timezone)
ON CONFLICT DO NOTHING;

-- name: write-account
INSERT INTO account (number, house_no, dwelling)
SELECT :account, house_no, :dwelling FROM house WHERE name = :house AND :account <> ''
ON CONFLICT DO NOTHING;

-- name: write-point
INSERT INTO point (name, house_no, account_no, kind, resource)
SELECT :point, h.house_no, a.account_no, :kind, :resource
FROM house h LEFT JOIN account a ON a.number = :account WHERE h.name = :house
ON CONFLICT DO NOTHING;

-- name: write-device
INSERT INTO device (name, house_no) SELECT :device, house_no FROM house WHERE name = :house
ON CONFLICT DO NOTHING;

-- name: write-meter
-- A meter that was only seen on the road becomes a registered one.
INSERT INTO meter (serial, model, registered) VALUES (:meter, :model, 1)
ON CONFLICT (serial) DO UPDATE SET model = excluded.model, registered = 1
    WHERE meter.registered = 0;

-- name: write-register
INSERT INTO register (meter_no, obis, unit, exponent, registered, digits, rate_max_per_h)
SELECT meter_no, :register, :unit, :exponent, 1, :digits, :rate_max_per_h
FROM meter WHERE serial = :meter
ON CONFLICT DO NOTHING;

-- name: write-dial
-- How a register shows its digits, for the first time or otherwise than before.
UPDATE register SET dial = :dial
WHERE :dial <> '' AND obis = :register AND registered = 1 AND coalesce(dial, '') <> :dial
    AND meter_no = (SELECT meter_no FROM meter WHERE serial = :meter);

-- name: write-installation
INSERT INTO installation (point_no, meter_no, installed_at_ms, factor)
SELECT p.point_no, m.meter_no, :installed_on, coalesce(nullif(:factor, ''), '1')
FROM point p JOIN meter m ON m.serial = :meter
WHERE p.name = :point AND NOT EXISTS (
    SELECT 1 FROM installation i
    WHERE i.meter_no = m.meter_no AND i.installed_at_ms = :installed_on);

-- name: write-value
INSERT INTO installation_value (installation_no, register_no, initial_mantissa)
SELECT i.installation_no, r.register_no, :initial_value
FROM meter m
JOIN installation i ON i.meter_no = m.meter_no AND i.installed_at_ms = :installed_on
JOIN register r ON r.meter_no = m.meter_no AND r.obis = :register AND r.registered = 1
WHERE m.serial = :meter
ON CONFLICT DO NOTHING;

-- name: write-binding
INSERT INTO device_meter (meter_no, valid_from_ms, device_no)
SELECT m.meter_no, :installed_on, d.device_no
FROM meter m JOIN device d ON d.name = :device WHERE m.serial = :meter
ON CONFLICT DO NOTHING;

-- name: standing
-- Registry lines of the meters that stand now, of one point or of all.
SELECT 0, h.name, h.address, h.timezone, coalesce(a.number, ''), coalesce(a.dwelling, ''),
    p.name, p.kind, p.resource, m.serial, m.model, r.obis, r.unit, r.exponent, r.digits,
    r.rate_max_per_h, i.installed_at_ms, v.initial_mantissa, coalesce(d.name, ''), i.factor,
    coalesce(r.dial, '')
FROM point p
JOIN house h USING (house_no)
LEFT JOIN account a ON a.account_no = p.account_no
JOIN installation i ON i.point_no = p.point_no AND i.removed_at_ms IS NULL
JOIN meter m USING (meter_no)
JOIN installation_value v USING (installation_no)
JOIN register r USING (register_no)
LEFT JOIN device_meter b ON b.meter_no = m.meter_no AND b.valid_to_ms IS NULL
LEFT JOIN device d ON d.device_no = b.device_no
WHERE CAST(?1 AS TEXT) IS NULL OR p.name = ?1
ORDER BY h.name, p.name, r.obis;

-- name: end-values
-- The last value of a register of the meter at a point.
UPDATE installation_value SET final_mantissa = :mantissa, final_rolled = :rolled
WHERE (installation_no, register_no) = (
    SELECT i.installation_no, r.register_no
    FROM point p
    JOIN installation i ON i.point_no = p.point_no AND i.removed_at_ms IS NULL
    JOIN register r ON r.meter_no = i.meter_no AND r.registered = 1
    WHERE p.name = :point AND r.obis = :register);

-- name: end-binding
-- The device stops reading the meter at a point.
UPDATE device_meter SET valid_to_ms = :at_ms
WHERE valid_to_ms IS NULL AND meter_no = (
    SELECT i.meter_no FROM point p
    JOIN installation i ON i.point_no = p.point_no AND i.removed_at_ms IS NULL
    WHERE p.name = :point);

-- name: end-installation
UPDATE installation SET removed_at_ms = :at_ms
WHERE removed_at_ms IS NULL AND point_no = (SELECT point_no FROM point WHERE name = :point);

-- name: point
-- What a point measures, the meter that stands there, and when the last one was taken away.
SELECT p.resource,
    (SELECT m.serial FROM installation i JOIN meter m USING (meter_no)
        WHERE i.point_no = p.point_no AND i.removed_at_ms IS NULL),
    (SELECT max(i.removed_at_ms) FROM installation i WHERE i.point_no = p.point_no)
FROM point p WHERE p.name = ?;

-- name: meter
-- Where a registered meter stands, when it was last taken away, and which device reads it since
-- when.
SELECT
    (SELECT p.name FROM installation i JOIN point p USING (point_no)
        WHERE i.meter_no = m.meter_no AND i.removed_at_ms IS NULL),
    (SELECT max(i.removed_at_ms) FROM installation i WHERE i.meter_no = m.meter_no),
    d.name, b.valid_from_ms
FROM meter m
LEFT JOIN device_meter b ON b.meter_no = m.meter_no AND b.valid_to_ms IS NULL
LEFT JOIN device d USING (device_no)
WHERE m.serial = ? AND m.registered = 1;

-- name: is-device
SELECT 1 FROM device WHERE name = ?;

-- name: install
INSERT INTO installation (point_no, meter_no, installed_at_ms, factor)
SELECT p.point_no, m.meter_no, :at_ms, :factor
FROM point p JOIN meter m ON m.serial = :meter WHERE p.name = :point;

-- name: install-value
INSERT INTO installation_value (installation_no, register_no, initial_mantissa)
SELECT i.installation_no, r.register_no, :mantissa
FROM meter m
JOIN installation i ON i.meter_no = m.meter_no AND i.removed_at_ms IS NULL
JOIN register r ON r.meter_no = m.meter_no AND r.obis = :register AND r.registered = 1
WHERE m.serial = :meter;

-- name: end-order
-- Put into service anew: what stood against the meter stands no more, and is not taken back.
UPDATE out_of_order SET until_ms = max(:at_ms, from_ms)
WHERE fit_at_ms IS NULL AND until_ms IS NULL
    AND meter_no = (SELECT meter_no FROM meter WHERE serial = :meter);

-- name: unbind
UPDATE device_meter SET valid_to_ms = :at_ms
WHERE valid_to_ms IS NULL AND meter_no = (SELECT meter_no FROM meter WHERE serial = :meter);

-- name: bind
INSERT INTO device_meter (meter_no, valid_from_ms, device_no)
SELECT m.meter_no, :at_ms, d.device_no
FROM meter m JOIN device d ON d.name = :device WHERE m.serial = :meter;

-- name: add-device
INSERT INTO device (name) VALUES (?) ON CONFLICT DO NOTHING;

-- name: add-key
INSERT INTO device_key (key_id, device_no, public_key, valid_from_ms, valid_to_ms)
SELECT :key_id, device_no, :public_key, :valid_from_ms, :valid_to_ms
FROM device WHERE name = :device;

-- name: end-key
UPDATE device_key SET valid_to_ms = :at_ms WHERE key_id = :key_id;

-- name: raise-revision
UPDATE registry_revision SET revision = revision + 1;

-- name: gis-devices
-- What ГИС ЖКХ calls the meters it knows.
SELECT m.serial, g.device_guid, g.unit, g.resource_guid, g.house_guid
FROM gis_device g JOIN meter m USING (meter_no)
ORDER BY m.serial;

-- name: drop-gis-device
-- Names are exchanged between meters by dropping all that change before any is written.
DELETE FROM gis_device WHERE meter_no = (SELECT meter_no FROM meter WHERE serial = ?);

-- name: add-gis-device
INSERT INTO gis_device (meter_no, device_guid, unit, resource_guid, house_guid)
SELECT meter_no, ?, ?, ?, ? FROM meter WHERE serial = ?;
