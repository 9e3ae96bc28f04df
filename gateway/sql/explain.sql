-- What stands behind a line: what the ledger is asked. A line that was withdrawn is found as well.

-- name: about
SELECT house.address, house.timezone,
       opening_register_no, opening_meter.model, opening_copy,
       closing_register_no, closing_meter.model, closing_copy,
       withdrawal.at_ms, withdrawal.why,
       (SELECT by.line_id FROM written_line AS by WHERE by.replaces = line.line_id)
FROM written_line AS line
JOIN written_closing USING (closing_no)
JOIN house USING (house_no)
JOIN register AS opening_register ON opening_register.register_no = opening_register_no
JOIN register AS closing_register ON closing_register.register_no = closing_register_no
JOIN meter AS opening_meter ON opening_meter.meter_no = opening_register.meter_no
JOIN meter AS closing_meter ON closing_meter.meter_no = closing_register.meter_no
LEFT JOIN withdrawal USING (closing_no)
WHERE line_id = ?

-- name: hung
SELECT register_no, serial, installed_at_ms, initial_mantissa, removed_at_ms, final_mantissa,
       register.exponent, digits, installation.factor,
       (SELECT mantissa FROM reading
        WHERE reading.register_no = register.register_no AND state = 0
          AND captured_at_ms >= installed_at_ms AND captured_at_ms < removed_at_ms
        ORDER BY captured_at_ms DESC, copy DESC LIMIT 1)
FROM written_line AS line
JOIN installation ON installation.point_no = line.point_no AND installed_at_ms <= closing_at_ms
JOIN installation_value USING (installation_no)
JOIN register USING (register_no)
JOIN meter ON meter.meter_no = register.meter_no
WHERE line_id = ? AND register.obis = line.obis AND register.unit = line.unit
ORDER BY installed_at_ms

-- name: told
SELECT actor, at_ms, why, document
FROM decision WHERE register_no = ? AND read_at_ms = ? AND read_copy = ?

-- name: claimed
SELECT source, actor, entered_ms,
       coalesce((SELECT reason FROM claim_word AS made WHERE made.claim_no = claim.claim_no
                 ORDER BY decision_no DESC LIMIT 1), ''),
       reference
FROM claim WHERE claim_no = ? AND register_no = ?

-- name: claim-findings
SELECT rule, 'W', quality, detail FROM claim_finding WHERE claim_no = ? ORDER BY finding_no

-- name: is-removal
SELECT 1 FROM installation JOIN register USING (meter_no)
JOIN installation_value USING (installation_no, register_no)
WHERE register_no = ? AND removed_at_ms = ? AND final_mantissa IS NOT NULL

-- name: is-installation
SELECT 1 FROM installation JOIN register USING (meter_no)
WHERE register_no = ? AND installed_at_ms = ?

-- name: beside
SELECT (SELECT line_id FROM closing_line AS before
        WHERE (before.point_no, before.obis, before.unit) = (line.point_no, line.obis, line.unit)
          AND before.closing_no IN (SELECT closing_no FROM closed_period AS sooner
                                    WHERE sooner.period < own.period)
        ORDER BY before.line_no DESC LIMIT 1),
       (SELECT line_id FROM closing_line AS after
        WHERE (after.point_no, after.obis, after.unit) = (line.point_no, line.obis, line.unit)
          AND after.closing_no IN (SELECT closing_no FROM closed_period AS later
                                   WHERE later.period > own.period)
        ORDER BY after.line_no LIMIT 1)
FROM written_line AS line
JOIN written_closing AS own USING (closing_no)
WHERE line.line_id = ?

-- name: owed
SELECT 1 FROM estimate JOIN closing_line USING (line_no)
WHERE line_id = ? AND settled_no IS NULL

-- name: handed
SELECT target, state, changed_at_ms, last_error
FROM event JOIN delivery USING (event_no)
WHERE event_id = ? ORDER BY target

-- name: past
SELECT before.line_id, sooner.period, before.consumption_mantissa, before.consumption_exponent,
       difference_mantissa, difference_exponent, coalesce(correction.method, before.method)
FROM written_line AS line
JOIN written_closing AS own USING (closing_no)
JOIN closing_line AS before
    ON (before.point_no, before.obis, before.unit) = (line.point_no, line.obis, line.unit)
JOIN closed_period AS sooner ON sooner.closing_no = before.closing_no
LEFT JOIN correction ON correction.line_no = before.line_no
WHERE line.line_id = ?1 AND sooner.period < own.period
ORDER BY sooner.period DESC LIMIT ?2

-- name: of-account
SELECT line_id FROM closing_line JOIN closed_period USING (closing_no)
WHERE account = ? AND period = ? ORDER BY line_id
