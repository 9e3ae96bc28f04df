-- Residents who sign in: identities, linked dwellings, browsers, passkeys, codes on bills.

-- name: identity
SELECT identity_no FROM resident_identity WHERE subject_mac = ?

-- name: add-identity
INSERT INTO resident_identity (provider, subject_mac, made_ms) VALUES (?, ?, ?)
RETURNING identity_no

-- name: linked
SELECT linked_no, account_no, number, house.name, dwelling, timezone, via, linked_ms
FROM resident_linked JOIN account USING (account_no) JOIN house USING (house_no)
WHERE identity_no = ? AND ended_ms IS NULL
ORDER BY house.name, length(dwelling), dwelling, linked_no

-- name: linked-to
SELECT count(*) FROM resident_linked WHERE account_no = ? AND ended_ms IS NULL

-- name: add-linked
INSERT INTO resident_linked (identity_no, account_no, via, linked_ms) VALUES (?, ?, ?, ?)

-- name: end-linked
UPDATE resident_linked SET ended_ms = :now
WHERE identity_no = :identity AND account_no = :account AND ended_ms IS NULL

-- name: leave-dwelling
UPDATE resident_signin SET account_no = NULL
WHERE identity_no = :identity AND account_no = :account

-- name: add-signin
INSERT INTO resident_signin (secret_sha256, identity_no, via, opened_ms, seen_ms, ends_ms)
VALUES (?, ?, ?, ?, ?, ?) RETURNING signin_no

-- name: signin
SELECT signin_no, identity_no, subject_mac, provider, via, account_no, opened_ms, seen_ms, ends_ms
FROM resident_signin JOIN resident_identity USING (identity_no)
WHERE secret_sha256 = ? AND ended_ms IS NULL

-- name: passkeys
SELECT passkey_no, identity_no, credential_id, public_key, sign_count, made_ms, used_ms
FROM resident_passkey WHERE identity_no = ? ORDER BY passkey_no

-- name: passkey
SELECT passkey_no, identity_no, credential_id, public_key, sign_count, made_ms, used_ms
FROM resident_passkey WHERE credential_id = ?

-- name: add-passkey
INSERT INTO resident_passkey (identity_no, credential_id, public_key, sign_count, made_ms)
VALUES (?, ?, ?, ?, ?)

-- name: used-passkey
UPDATE resident_passkey SET sign_count = ?, used_ms = ? WHERE passkey_no = ?

-- name: end-signins-of-passkey
UPDATE resident_signin SET ended_ms = seen_ms WHERE via = 'passkey' AND ended_ms IS NULL
    AND identity_no IN (SELECT identity_no FROM resident_passkey WHERE passkey_no = ?)

-- name: bill-codes
SELECT bill_code_no, account_no, period, nonce, expires_ms FROM bill_code
WHERE account_no = ? AND ended_ms IS NULL ORDER BY period DESC LIMIT 12

-- name: bill-code
SELECT bill_code_no, account_no, period, nonce, expires_ms FROM bill_code
WHERE account_no = ? AND period = ? AND ended_ms IS NULL

-- name: add-bill-code
INSERT INTO bill_code (account_no, period, nonce, made_ms, expires_ms) VALUES (?, ?, ?, ?, ?)

-- name: accounts-of
SELECT account_no, number, house.name, dwelling, timezone
FROM account JOIN house USING (house_no)
WHERE CAST(:house AS TEXT) IS NULL OR house.name = :house
ORDER BY house.name, length(dwelling), dwelling, account_no

-- name: tries-of
SELECT count(*) FROM linking_try WHERE identity_no = ? AND at_ms > ?

-- name: tries-at
SELECT count(*) FROM linking_try WHERE account_no = ? AND at_ms > ?

-- By a person's order: the phone was stolen, the flat was sold.
-- name: end-all-linked
UPDATE resident_linked SET ended_ms = :now WHERE account_no = :account AND ended_ms IS NULL

-- name: end-all-signins
UPDATE resident_signin SET ended_ms = :now WHERE ended_ms IS NULL AND (account_no = :account
    OR identity_no IN (SELECT identity_no FROM resident_linked WHERE account_no = :account))

-- Also of those who let go of it before: a phone that stayed would open it again the day they link
-- it again.
-- name: end-all-phones
DELETE FROM resident_passkey WHERE identity_no IN (
    SELECT identity_no FROM resident_linked WHERE account_no = :account)

-- name: end-all-bill-codes
UPDATE bill_code SET ended_ms = :now WHERE account_no = :account AND ended_ms IS NULL
