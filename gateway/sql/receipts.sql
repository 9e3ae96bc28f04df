-- Acts of what residents gave: what stands behind one, and what was signed.

-- name: account-of
SELECT account_no FROM submission WHERE number = ?

-- name: place
SELECT timezone, house.name, address, dwelling, account.number,
       (SELECT resource FROM claim JOIN register USING (register_no)
        JOIN installation ON installation.meter_no = register.meter_no
            AND installed_at_ms <= claim.at_ms
            AND (removed_at_ms IS NULL OR claim.at_ms <= removed_at_ms)
        JOIN point USING (point_no)
        WHERE claim.claim_no = submission.claim_no ORDER BY installed_at_ms DESC LIMIT 1),
       (SELECT exponent FROM register WHERE register.register_no = submission.register_no)
FROM submission JOIN account USING (account_no) JOIN house USING (house_no)
WHERE submission.number = ?

-- name: outlook
SELECT claim_no, in_review, submission.period, closing_no
FROM submission
JOIN account USING (account_no)
LEFT JOIN closed_period ON closed_period.house_no = account.house_no
    AND closed_period.period = submission.period
WHERE submission.number = ?

-- name: kept
SELECT number, account_no, sealed, digest, made_at_ms FROM resident_act WHERE number = ?

-- name: keep
INSERT INTO resident_act (number, account_no, sealed, digest, made_at_ms) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (number) DO NOTHING
