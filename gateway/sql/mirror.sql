-- What the mirror says of a reading beside its value.

-- name: facts
SELECT register_no, serial, obis, unit, exponent FROM json_each(?) w
JOIN register ON register_no = CAST(w.value ->> 0 AS BIGINT)
JOIN meter USING (meter_no)

-- Where the meters of registers stood, the earliest time first.
-- name: places
SELECT register_no, installed_at_ms, house.name, point.name, resource FROM json_each(?) w
JOIN register ON register_no = CAST(w.value ->> 0 AS BIGINT) AND registered = 1
JOIN installation USING (meter_no)
JOIN point USING (point_no)
JOIN house USING (house_no)
ORDER BY register_no, installed_at_ms, installation_no

-- name: claimed
SELECT claim_no, source,
       (SELECT count(*) FROM claim AS other WHERE other.register_no = claim.register_no
            AND other.at_ms = claim.at_ms AND other.source = claim.source
            AND other.claim_no < claim.claim_no)
FROM json_each(?) w JOIN claim ON claim_no = CAST(w.value ->> 0 AS BIGINT)
