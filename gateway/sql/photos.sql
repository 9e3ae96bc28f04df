-- Photos of residents and what they submit. :account is account_no.

-- name: dial
SELECT register.unit, exponent, digits, rate_max_per_h,
    (SELECT resource FROM installation JOIN point USING (point_no)
     WHERE installation.meter_no = register.meter_no ORDER BY installed_at_ms DESC LIMIT 1)
FROM register WHERE register_no = ? AND registered = 1

-- name: kind
-- What the registry says; else as what the last submitted photo was read.
SELECT CASE dial WHEN 'wheels' THEN 'odometer' WHEN 'lcd' THEN 'lcd' ELSE (
    SELECT kind FROM submission JOIN photo USING (photo_no)
    WHERE submission.register_no = register.register_no ORDER BY submission_no DESC LIMIT 1) END
FROM register WHERE register_no = ?

-- name: other-serials
SELECT DISTINCT serial FROM account
JOIN point ON point.house_no = account.house_no
JOIN installation ON installation.point_no = point.point_no AND removed_at_ms IS NULL
JOIN meter USING (meter_no)
WHERE account.account_no = :account AND serial <> :serial ORDER BY serial LIMIT :most

-- name: photos-since
SELECT count(*) FROM photo WHERE account_no = ? AND received_at_ms > ?

-- name: photo
SELECT photo_no, register_no, sha256, jpeg_sha256, phash, file, taken_at_ms, has_offset, kind,
    cells, serial_seen, received_at_ms, is_removed
FROM photo WHERE account_no = ? AND photo_no = ?

-- name: photo-of
SELECT photo_no, register_no, sha256, jpeg_sha256, phash, file, taken_at_ms, has_offset, kind,
    cells, serial_seen, received_at_ms, is_removed
FROM photo WHERE account_no = ? AND register_no = ? AND sha256 = ?

-- name: keep
INSERT INTO photo (account_no, register_no, sha256, jpeg_sha256, phash, file, taken_at_ms,
    has_offset, kind, cells, serial_seen, received_at_ms, is_removed)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (account_no, register_no, sha256) DO UPDATE SET jpeg_sha256 = excluded.jpeg_sha256,
    file = excluded.file, kind = excluded.kind, cells = excluded.cells,
    serial_seen = excluded.serial_seen, received_at_ms = excluded.received_at_ms, is_removed = 0
RETURNING photo_no

-- name: seen-before
SELECT photo_no, register_no, phash, received_at_ms,
    CASE WHEN sha256 = :sha256 THEN 1 ELSE 0 END,
    CASE WHEN EXISTS (SELECT 1 FROM submission WHERE submission.photo_no = photo.photo_no)
        THEN 1 ELSE 0 END,
    CASE WHEN account_no = :account THEN 1 ELSE 0 END
FROM photo WHERE account_no = :account OR sha256 = :sha256
ORDER BY received_at_ms DESC, photo_no DESC LIMIT :most

-- name: submission
SELECT submission.number, account_no, submission.register_no, serial, obis, register.unit,
    claim.mantissa, step, exponent, claim.at_ms, photo_no, submission.claim_no, period, asked,
    in_review, given_at_ms
FROM submission
JOIN claim ON claim.claim_no = submission.claim_no
JOIN register ON register.register_no = submission.register_no
JOIN meter USING (meter_no)
WHERE account_no = :account AND (submission.number = :number OR page_key = :key)

-- name: add
INSERT INTO submission (number, account_no, register_no, photo_no, claim_no, page_key, period,
    asked, in_review, given_at_ms, audit_no)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)

-- name: drop-drafts
UPDATE photo SET is_removed = 1 WHERE is_removed = 0 AND received_at_ms < ?
    AND NOT EXISTS (SELECT 1 FROM submission WHERE submission.photo_no = photo.photo_no)

-- name: to-delete
SELECT file FROM photo WHERE is_removed = 1 AND file IS NOT NULL ORDER BY photo_no LIMIT ?

-- name: deleted
UPDATE photo SET file = NULL
WHERE is_removed = 1 AND file IN (SELECT w.atom FROM json_each(?) w)

-- name: known
SELECT file FROM photo WHERE file IN (SELECT w.atom FROM json_each(?) w)
