-- Decisions of people: what the ledger is asked. A reading is (register_no, captured_at_ms, copy).

-- name: subject
SELECT register_no, register.unit, mantissa, register.exponent, state,
       register.registered, digits, rate_max_per_h, resource,
       installed_at_ms, removed_at_ms, initial_mantissa
FROM meter
JOIN register USING (meter_no)
JOIN reading USING (register_no)
LEFT JOIN installation ON installation.meter_no = meter.meter_no
    AND installed_at_ms <= captured_at_ms
    AND (removed_at_ms IS NULL OR captured_at_ms < removed_at_ms)
LEFT JOIN installation_value USING (installation_no, register_no)
LEFT JOIN point USING (point_no)
WHERE serial = :meter AND obis = :register AND captured_at_ms = :at_ms AND copy = :copy
    AND CASE register.registered WHEN 1 THEN 0 ELSE register_no END = :found

-- name: evidence
SELECT meter.serial, register.obis, reading.mantissa, register.exponent, reading.captured_at_ms,
       reading.state, reading.position, device.name, batch.sequence, batch.received_at_ms,
       batch.rules_version, device_key.public_key, batch.message
FROM reading
JOIN register USING (register_no)
JOIN meter USING (meter_no)
JOIN batch USING (batch_no)
JOIN device ON device.device_no = batch.device_no
JOIN device_key ON device_key.key_id = batch.key_id
WHERE reading.register_no = ? AND reading.captured_at_ms = ? AND reading.copy = ?

-- name: before
SELECT captured_at_ms, copy, mantissa, flags FROM reading
WHERE register_no = ? AND captured_at_ms < ? AND state = 0
ORDER BY captured_at_ms DESC, copy DESC LIMIT 1

-- name: here
SELECT captured_at_ms, copy, mantissa, flags FROM reading
WHERE register_no = ? AND captured_at_ms = ? AND state = 0 ORDER BY copy

-- name: after
SELECT captured_at_ms, copy, mantissa, flags FROM reading
WHERE register_no = ? AND captured_at_ms > ? AND state = 0
ORDER BY captured_at_ms, copy LIMIT 1

-- name: closed-with
SELECT line_id FROM closing_line
WHERE closing_register_no = ? AND closing_at_ms >= ? ORDER BY line_no DESC LIMIT 1

-- name: write
INSERT INTO decision (
    register_no, captured_at_ms, copy, act, standing, actor, why, at_ms, confirms,
    state_before, state_after, effect, read_at_ms, read_copy, read_mantissa,
    document, document_sha256, through_ms, audit_no)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
RETURNING decision_no

-- A proposal is settled by any later decision on its reading, but for what is only asked.
-- name: proposal
SELECT act, serial, obis, captured_at_ms, copy,
       CASE register.registered WHEN 1 THEN 0 ELSE register_no END,
       actor, why, read_mantissa, exponent, read_at_ms, document, document_sha256,
       through_ms,
       (SELECT min(decision_no) FROM decision AS later
        WHERE (later.register_no, later.captured_at_ms, later.copy)
              = (one.register_no, one.captured_at_ms, one.copy)
          AND later.decision_no > one.decision_no
          AND later.act NOT IN ('ask-photo', 'inspect'))
FROM decision AS one
JOIN register USING (register_no)
JOIN meter USING (meter_no)
WHERE decision_no = ? AND standing = 'proposed'

-- A contradiction between sources (V-SRC) is shown with what is in doubt even where what it is
-- about counts: somebody is to look. A claim's own verdict only says who brought it.
-- name: waiting
SELECT serial, obis, captured_at_ms, copy,
       CASE register.registered WHEN 1 THEN 0 ELSE register_no END,
       house.name, dwelling, point.name, resource, register.unit, mantissa, exponent, rule, detail,
       register_no
FROM verdict
JOIN reading USING (register_no, captured_at_ms, copy)
JOIN register USING (register_no)
JOIN meter USING (meter_no)
LEFT JOIN installation ON installation.meter_no = meter.meter_no
    AND installed_at_ms <= captured_at_ms
    AND (removed_at_ms IS NULL OR captured_at_ms < removed_at_ms)
LEFT JOIN point USING (point_no)
LEFT JOIN account USING (account_no)
LEFT JOIN house ON house.house_no = point.house_no
WHERE (severity = :severity AND state = :state
       OR rule = 'V-SRC' AND :severity = 'E' AND state IN (0, 1))
    AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
    AND NOT EXISTS (
        SELECT 1 FROM verdict AS sooner
        WHERE (sooner.register_no, sooner.captured_at_ms, sooner.copy)
              = (verdict.register_no, verdict.captured_at_ms, verdict.copy)
          AND sooner.severity = verdict.severity AND sooner.verdict_no < verdict.verdict_no
          AND sooner.rule NOT IN ('REVIEW', 'CLAIM'))
    AND NOT EXISTS (
        SELECT 1 FROM decision AS made
        WHERE standing = 'done' AND act NOT IN ('ask-photo', 'inspect')
          AND (made.register_no, made.captured_at_ms, made.copy)
              = (verdict.register_no, verdict.captured_at_ms, verdict.copy))
    AND rule NOT IN ('REVIEW', 'CLAIM')
ORDER BY verdict_no DESC LIMIT :most

-- name: verdicts
SELECT rule, severity, quality, detail FROM verdict
WHERE register_no = ? AND captured_at_ms = ? AND copy = ? ORDER BY verdict_no

-- name: open
SELECT decision_no FROM decision AS one
WHERE register_no = ? AND captured_at_ms = ? AND copy = ?
    AND (standing = 'proposed' OR act IN ('ask-photo', 'inspect'))
    AND NOT EXISTS (
        SELECT 1 FROM decision AS later
        WHERE (later.register_no, later.captured_at_ms, later.copy)
              = (one.register_no, one.captured_at_ms, one.copy)
          AND later.decision_no > one.decision_no
          AND later.act NOT IN ('ask-photo', 'inspect')
          AND (later.standing = 'done' OR one.standing = 'proposed'))
ORDER BY decision_no

-- name: tasks
SELECT decision_no, act, standing = 'proposed', serial, obis, captured_at_ms, copy,
       CASE register.registered WHEN 1 THEN 0 ELSE register_no END,
       house.name, house.address, dwelling, actor, why, at_ms
FROM decision AS one
JOIN register USING (register_no)
JOIN meter USING (meter_no)
LEFT JOIN installation ON installation.meter_no = meter.meter_no
    AND installed_at_ms <= captured_at_ms
    AND (removed_at_ms IS NULL OR captured_at_ms < removed_at_ms)
LEFT JOIN point USING (point_no)
LEFT JOIN account USING (account_no)
LEFT JOIN house ON house.house_no = point.house_no
WHERE (standing = 'proposed' OR act IN ('ask-photo', 'inspect'))
    AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
    AND NOT EXISTS (
        SELECT 1 FROM decision AS later
        WHERE (later.register_no, later.captured_at_ms, later.copy)
              = (one.register_no, one.captured_at_ms, one.copy)
          AND later.decision_no > one.decision_no
          AND later.act NOT IN ('ask-photo', 'inspect')
          AND (later.standing = 'done' OR one.standing = 'proposed'))
ORDER BY decision_no LIMIT :most

-- name: refusals
SELECT event_id, target, attempts, last_error, changed_at_ms, house.name
FROM delivery
JOIN event USING (event_no)
JOIN written_closing USING (closing_no)
JOIN house USING (house_no)
WHERE state = 'refused' AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
ORDER BY event_no DESC LIMIT :most

-- Also the decision that a reading was taken by a person for.
-- name: decisions
SELECT decision_no, act, standing, actor, why, at_ms, confirms, state_before, state_after,
       effect, read_mantissa, exponent, read_at_ms, document, hex(document_sha256)
FROM decision JOIN register USING (register_no)
WHERE register_no = ?1
    AND ((captured_at_ms = ?2 AND copy = ?3) OR (read_at_ms = ?2 AND read_copy = ?3))
ORDER BY decision_no

-- What was decided last about a reading is what it is now; nothing that a rule holds back counts
-- without a decision; and each decision stands in the audit log as it was made.
-- What else left something in the ledger names its entry, so an entry cut off is missed. A reason
-- whose time is over (gateway/people/retention.py) goes before the log's own words for it.
-- name: disagreements
SELECT 'decision ' || decision_no || ' left its reading in state ' || state_after
       || ', the ledger has it in ' || coalesce(CAST(state AS TEXT), 'none')
FROM decision AS one
LEFT JOIN reading USING (register_no, captured_at_ms, copy)
WHERE standing = 'done' AND state IS DISTINCT FROM state_after
    AND NOT EXISTS (
        SELECT 1 FROM decision AS later
        WHERE (later.register_no, later.captured_at_ms, later.copy)
              = (one.register_no, one.captured_at_ms, one.copy)
          AND later.decision_no > one.decision_no AND later.standing = 'done')
UNION ALL
SELECT 'decision ' || decision_no || ' took a reading at the meter that is not in the ledger'
FROM decision AS one
LEFT JOIN reading ON reading.register_no = one.register_no AND batch_no = 0
    AND reading.captured_at_ms = read_at_ms AND reading.copy = read_copy
    AND reading.mantissa = read_mantissa
WHERE read_copy IS NOT NULL AND reading.register_no IS NULL
UNION ALL
SELECT 'decision ' || decision_no || ' is not the one that audit entry ' || audit_no || ' tells of'
FROM decision AS one
LEFT JOIN audit USING (audit_no)
WHERE (audit.actor, audit.at_ms) IS DISTINCT FROM (one.actor, one.at_ms)
    OR audit.why <> one.why AND one.why <> 'expired'
UNION ALL
SELECT what || ' names entry ' || entry || ' of the audit log, which has none of that time'
FROM (SELECT 'a reading that was submitted' AS what, audit_no AS entry, given_at_ms AS at_ms
        FROM submission
    UNION ALL SELECT 'a dispute', audit_no, at_ms FROM dispute_step
    UNION ALL SELECT 'a visit', audit_no, received_at_ms FROM visit
    UNION ALL SELECT 'an event of a visit', audit_no, at_ms FROM visit_step
    UNION ALL SELECT 'an act', audit_no, NULL FROM act
    UNION ALL SELECT 'a charge', audit_no, NULL FROM interference_charge
        WHERE audit_no IS NOT NULL) AS named
WHERE NOT EXISTS (SELECT 1 FROM audit
    WHERE audit_no = entry AND audit.at_ms = coalesce(named.at_ms, audit.at_ms))
UNION ALL
SELECT 'a reading of ' || serial || ', register ' || obis || ', is accepted in spite of ' || rule
       || ' and nobody decided so'
FROM verdict
JOIN reading USING (register_no, captured_at_ms, copy)
JOIN register USING (register_no)
JOIN meter USING (meter_no)
WHERE severity = 'E' AND state = 0
    AND NOT EXISTS (
        SELECT 1 FROM decision
        WHERE standing = 'done' AND act = 'accept'
          AND (decision.register_no, decision.captured_at_ms, decision.copy)
              = (verdict.register_no, verdict.captured_at_ms, verdict.copy))
