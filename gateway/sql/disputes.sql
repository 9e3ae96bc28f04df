-- Disputes of residents, each with its steps; the newest step is where it stands.

-- name: whose
SELECT house.name, dwelling, timezone FROM account JOIN house USING (house_no) WHERE account_no = ?

-- name: knows-act
SELECT 1 FROM submission WHERE account_no = :account AND number = :subject

-- A line that was withdrawn since was billed all the same: it may be disputed too.
-- name: knows-line
SELECT 1 FROM written_line JOIN point USING (point_no)
WHERE account_no = :account AND line_id = :subject

-- name: knows-meter
SELECT 1 FROM meter JOIN installation USING (meter_no) JOIN point USING (point_no)
WHERE account_no = :account AND serial = :subject LIMIT 1

-- name: knows-claim
SELECT 1 FROM claim JOIN register USING (register_no) JOIN installation USING (meter_no)
JOIN point USING (point_no)
WHERE account_no = :account AND claim_no = :claim AND installed_at_ms <= at_ms
    AND (removed_at_ms IS NULL OR at_ms <= removed_at_ms) LIMIT 1

-- name: knows-reading
SELECT 1 FROM meter JOIN register USING (meter_no) JOIN installation USING (meter_no)
JOIN point USING (point_no)
WHERE account_no = :account AND serial = :meter AND obis = :register AND installed_at_ms <= :at_ms
    AND (removed_at_ms IS NULL OR :at_ms <= removed_at_ms) LIMIT 1

-- name: counts
SELECT count(*) FILTER (WHERE state IN ('received', 'in-work')),
       count(*) FILTER (WHERE opened_at_ms > :since)
FROM dispute JOIN dispute_step AS last ON step_no = (
    SELECT max(step_no) FROM dispute_step AS own WHERE own.dispute_no = dispute.dispute_no)
WHERE account_no = :account

-- name: add
INSERT INTO dispute (number, account_no, kind, subject, said, opened_at_ms, due_at_ms)
VALUES (?, ?, ?, ?, ?, ?, ?)

-- name: step
INSERT INTO dispute_step (dispute_no, state, actor, told, at_ms, audit_no)
SELECT dispute_no, ?, ?, ?, ?, ? FROM dispute WHERE number = ?

-- name: by-number
SELECT dispute_no, dispute.number, account_no, house.name, dwelling, timezone, kind, subject, said,
       opened_at_ms, due_at_ms
FROM dispute JOIN account USING (account_no) JOIN house USING (house_no)
WHERE dispute.number = ?

-- name: of-account
SELECT dispute_no, dispute.number, account_no, house.name, dwelling, timezone, kind, subject, said,
       opened_at_ms, due_at_ms
FROM dispute JOIN account USING (account_no) JOIN house USING (house_no)
WHERE account_no = ? ORDER BY opened_at_ms DESC, dispute_no DESC LIMIT ?

-- name: waiting
SELECT dispute.dispute_no, dispute.number, account_no, house.name, dwelling, timezone, kind,
       subject, said, opened_at_ms, due_at_ms
FROM dispute
JOIN account USING (account_no)
JOIN house USING (house_no)
JOIN dispute_step AS last ON step_no = (
    SELECT max(step_no) FROM dispute_step AS own WHERE own.dispute_no = dispute.dispute_no)
WHERE state IN ('received', 'in-work')
    AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
ORDER BY due_at_ms, dispute.dispute_no LIMIT :most

-- name: steps
SELECT dispute_no, state, actor, told, at_ms
FROM json_each(?) w JOIN dispute_step ON dispute_no = CAST(w.value AS BIGINT)
ORDER BY step_no

-- name: against-advice
SELECT submission.number, dwelling, serial, obis, register.unit, claim.mantissa, exponent, step,
       given_at_ms, submission.claim_no, asked, CASE WHEN file IS NOT NULL THEN 1 ELSE 0 END
FROM submission
JOIN account USING (account_no)
JOIN house USING (house_no)
JOIN claim ON claim.claim_no = submission.claim_no
JOIN claim_reading AS standing ON standing.register_no = claim.register_no
    AND captured_at_ms = claim.at_ms AND standing.claim_no = claim.claim_no AND state = 1
JOIN register ON register.register_no = claim.register_no
JOIN meter USING (meter_no)
LEFT JOIN photo ON photo.photo_no = submission.photo_no
WHERE house.name = ? AND in_review = 1 ORDER BY given_at_ms, submission.number LIMIT ?

-- name: photo-of
SELECT file, jpeg_sha256 FROM submission JOIN photo USING (photo_no)
WHERE submission.number = ? AND file IS NOT NULL AND jpeg_sha256 IS NOT NULL
