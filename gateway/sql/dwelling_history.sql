-- A dwelling's history: what its meters showed and what was billed.

-- name: dwelling
SELECT account.number, address, dwelling, timezone, house_no,
       (SELECT max(period) FROM closed_period WHERE closed_period.house_no = account.house_no)
FROM account JOIN house USING (house_no) WHERE account_no = ?

-- name: registers
SELECT point.name, resource, obis, register.unit, exponent, serial, register_no,
       installed_at_ms, coalesce(removed_at_ms, 9000000000000000)
FROM point
JOIN installation USING (point_no)
JOIN meter USING (meter_no)
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
WHERE account_no = ?
ORDER BY point.name, obis, register.unit, installed_at_ms

-- name: months
SELECT first_at_ms, first_mantissa FROM rollup_month
WHERE register_no = :register AND first_at_ms >= :from_ms AND first_at_ms <= :to_ms
ORDER BY month DESC LIMIT :most

-- name: days
SELECT first_at_ms, first_mantissa FROM rollup_day
WHERE register_no = :register AND first_at_ms >= :from_ms AND first_at_ms <= :to_ms
ORDER BY day DESC LIMIT :most

-- name: given
SELECT submission.claim_no, submission.number,
       CASE WHEN file IS NOT NULL THEN photo.photo_no END
FROM submission LEFT JOIN photo ON photo.photo_no = submission.photo_no
WHERE submission.account_no = ?

-- name: closings
SELECT point.name, line.obis, line.unit, closing_at_ms, serial, closing_mantissa, exponent, method,
       line_id
FROM closing_line AS line
JOIN closed_period USING (closing_no)
JOIN point USING (point_no)
JOIN register ON register.register_no = closing_register_no
JOIN meter USING (meter_no)
WHERE account_no = ? ORDER BY period DESC, line_id LIMIT ?

-- Lines of a dwelling and their corrections, by the period that each is about.
-- name: own
SELECT point.name, resource, line.obis, line.unit, period, consumption_mantissa,
       consumption_exponent, method
FROM closing_line AS line
JOIN closed_period USING (closing_no)
JOIN point USING (point_no)
WHERE account_no = :account AND role = 'billed' AND period >= :since
UNION ALL
SELECT point.name, resource, line.obis, line.unit, closed_period.period,
       difference_mantissa, difference_exponent, correction.method
FROM correction
JOIN closing_line AS line ON line.line_no = correction.line_no
JOIN closed_period ON closed_period.closing_no = line.closing_no
JOIN point USING (point_no)
WHERE account_no = :account AND role = 'billed' AND period >= :since

-- The same of the house's other dwellings, added up where their last digits are worth the same;
-- dwellings: how many of them the lines of that kind and period are of, whatever their digits.
-- name: others
WITH line_of AS (
    SELECT line_no, account_no, resource, line.obis, line.unit, period, consumption_mantissa,
           consumption_exponent
    FROM closing_line AS line
    JOIN closed_period USING (closing_no)
    JOIN point USING (point_no)
    WHERE point.house_no = :house AND kind = 'dwelling' AND role = 'billed'
        AND account_no <> :account AND period >= :since
), amount AS (
    SELECT resource, obis, unit, period, consumption_mantissa AS mantissa,
           consumption_exponent AS exponent FROM line_of
    UNION ALL
    SELECT resource, obis, unit, period, difference_mantissa, difference_exponent
    FROM line_of JOIN correction ON correction.line_no = line_of.line_no
), people AS (
    SELECT resource, obis, unit, period, count(DISTINCT account_no) AS dwellings
    FROM line_of GROUP BY resource, obis, unit, period
)
SELECT amount.resource, amount.obis, amount.unit, amount.period,
       CAST(sum(mantissa) AS BIGINT), exponent, dwellings
FROM amount
JOIN people ON people.resource = amount.resource AND people.obis = amount.obis
    AND people.unit = amount.unit AND people.period = amount.period
GROUP BY amount.resource, amount.obis, amount.unit, amount.period, exponent, dwellings
ORDER BY amount.period, exponent
