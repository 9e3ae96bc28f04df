-- Both sides of a period's hand-off. The closings are those of the period, withdrawn ones too.

-- name: closings
SELECT closing_no FROM written_closing JOIN house USING (house_no)
WHERE period = ?1 AND (CAST(?2 AS TEXT) IS NULL OR house.name = ?2)
ORDER BY closing_no

-- name: lines
SELECT line_id, resource, line.unit, line.account IS NULL, role = 'billed',
       consumption_mantissa, consumption_exponent,
       closing_no IN (SELECT closing_no FROM withdrawal)
FROM written_line AS line JOIN point USING (point_no)
WHERE closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?) w)
ORDER BY line_no

-- name: corrections
SELECT correction_id, resource, line.unit, line.account IS NULL, role = 'billed',
       difference_mantissa, difference_exponent,
       one.closing_no IN (SELECT closing_no FROM withdrawal)
FROM written_correction AS one JOIN written_line AS line USING (line_no) JOIN point USING (point_no)
WHERE one.closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?) w)
ORDER BY correction_no

-- name: charges
SELECT charge_no, resource, unit, amount
FROM interference_charge JOIN act USING (act_no) JOIN point USING (point_no)
WHERE closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?) w)
ORDER BY charge_no

-- name: unbilled
SELECT line_id FROM written_line
WHERE role <> 'billed' AND (
    closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?1) w)
    OR line_no IN (SELECT line_no FROM written_correction
                   WHERE closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?1) w)))

-- name: events
SELECT event_no, event_id, payload FROM event
WHERE closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?) w) ORDER BY event_no

-- name: deliveries
SELECT event_no, target, state, last_error FROM delivery JOIN event USING (event_no)
WHERE closing_no IN (SELECT CAST(w.value AS BIGINT) FROM json_each(?) w)
ORDER BY event_no, target
