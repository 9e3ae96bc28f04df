-- People: all that is held about an account, and how it is forgotten. :account is account_no.

-- name: own
WITH own_register AS (
    SELECT account_no, point_no, register_no, installed_at_ms AS from_ms,
        coalesce(removed_at_ms, 9000000000000000) AS to_ms
    FROM point JOIN installation USING (point_no) JOIN register USING (meter_no)
    WHERE account_no IS NOT NULL)

-- name: show-account
SELECT account.number AS account, house.name AS house, address, dwelling
FROM account JOIN house USING (house_no) WHERE account_no = :account

-- name: show-points
SELECT name AS point, resource FROM point WHERE account_no = :account ORDER BY name

-- name: show-meters
SELECT point.name AS point, serial AS meter, model, installed_at_ms, removed_at_ms, factor
FROM point JOIN installation USING (point_no) JOIN meter USING (meter_no)
WHERE account_no = :account ORDER BY point.name, installed_at_ms

-- name: show-readings
SELECT serial AS meter, obis AS register, count(*) AS readings,
       min(captured_at_ms) AS first_ms, max(captured_at_ms) AS last_ms
FROM own_register AS own JOIN reading ON reading.register_no = own.register_no
    AND captured_at_ms >= from_ms AND captured_at_ms < to_ms
JOIN register ON register.register_no = own.register_no JOIN meter USING (meter_no)
WHERE account_no = :account GROUP BY serial, obis ORDER BY serial, obis

-- name: show-lines
SELECT line_id AS line, period, point.name AS point, obis AS register, account, dwelling,
       consumption_mantissa, consumption_exponent, unit, method, reason,
       CASE WHEN written_line.closing_no IN (SELECT closing_no FROM withdrawal) THEN 1 ELSE 0 END
           AS withdrawn
FROM written_line JOIN written_closing USING (closing_no) JOIN point USING (point_no)
WHERE account_no = :account ORDER BY line_no

-- name: show-corrections
SELECT correction_id AS correction, line_id AS line, difference_mantissa, difference_exponent,
       written_correction.method, written_correction.reason
FROM written_correction JOIN written_line USING (line_no) JOIN point USING (point_no)
WHERE account_no = :account ORDER BY correction_no

-- name: show-norms
SELECT obis AS register, unit, since, amount FROM norm WHERE account_no = :account
ORDER BY since, obis, unit

-- name: show-areas
SELECT use, area, residents, valid_from FROM area_fact
WHERE account_no = :account ORDER BY valid_from

-- name: show-acts
SELECT kind, number, made_on, made_by, obis AS register, capacity, begun_on FROM act
WHERE account_no = :account ORDER BY act_no

-- name: show-charges
SELECT first_on, until_on, interference_charge.unit, method, amount, reason, entered_by,
       confirmed_by
FROM interference_charge JOIN act USING (act_no) WHERE account_no = :account ORDER BY charge_no

-- name: show-claims
SELECT source, reference, obis AS register, at_ms, mantissa, exponent, claim.actor AS by,
       entered_ms
FROM claim JOIN own_register AS own ON own.register_no = claim.register_no
    AND at_ms BETWEEN from_ms AND to_ms
JOIN register ON register.register_no = claim.register_no
WHERE account_no = :account ORDER BY claim_no

-- name: show-decisions
SELECT act, standing, actor AS by, why, at_ms, document FROM decision
JOIN own_register AS own ON own.register_no = decision.register_no
    AND captured_at_ms BETWEEN from_ms AND to_ms
WHERE account_no = :account ORDER BY decision_no

-- name: show-contacts
SELECT channel, address, language, since_ms, until_ms, unsubscribed_ms FROM contact
WHERE account_no = :account ORDER BY contact_no

-- name: show-askings
SELECT period, asked_ms, closes_ms, outcome, ended_ms FROM asking
WHERE account_no = :account ORDER BY asking_no

-- name: show-messages
SELECT kind, state, made_ms, changed_ms, tries FROM resident_message
WHERE account_no = :account ORDER BY message_no

-- name: show-sessions
SELECT via, opened_ms, seen_ms, ended_ms FROM resident_session
WHERE account_no = :account ORDER BY session_no

-- name: show-links
SELECT period, purpose, made_ms, expires_ms, used_ms, ended_ms FROM resident_link
WHERE account_no = :account ORDER BY link_no

-- name: show-tries
SELECT at_ms FROM linking_try WHERE account_no = :account ORDER BY linking_try_no

-- name: show-identities
SELECT provider, via, linked_ms, ended_ms FROM resident_linked
JOIN resident_identity USING (identity_no) WHERE account_no = :account ORDER BY linked_no

-- name: show-passkeys
SELECT made_ms, used_ms FROM resident_passkey WHERE identity_no IN (
    SELECT identity_no FROM resident_linked WHERE account_no = :account) ORDER BY passkey_no

-- name: show-signins
SELECT via, opened_ms, seen_ms, ended_ms FROM resident_signin
WHERE account_no = :account ORDER BY signin_no

-- name: show-bill_codes
SELECT period, made_ms, expires_ms, ended_ms FROM bill_code
WHERE account_no = :account ORDER BY bill_code_no

-- name: show-disputes
SELECT number AS dispute, kind, subject, said, opened_at_ms, due_at_ms FROM dispute
WHERE account_no = :account ORDER BY dispute_no

-- name: show-answers
SELECT number AS dispute, state, actor AS by, told, at_ms FROM dispute_step
JOIN dispute USING (dispute_no) WHERE account_no = :account ORDER BY step_no

-- name: show-receipts
SELECT number AS act, made_at_ms FROM resident_act WHERE account_no = :account ORDER BY made_at_ms

-- name: show-photos
SELECT photo_no, serial AS meter, received_at_ms, taken_at_ms, serial_seen, is_removed
FROM photo JOIN register USING (register_no) JOIN meter USING (meter_no)
WHERE account_no = :account ORDER BY photo_no

-- name: show-submissions
SELECT submission.number AS act, serial AS meter, obis AS register, claim_no, photo_no, period,
    asked, in_review, given_at_ms
FROM submission JOIN register USING (register_no) JOIN meter USING (meter_no)
WHERE account_no = :account ORDER BY submission_no

-- name: waiting
SELECT forgetting_no, account_no, number, house.name, dwelling, words, takes_dwelling, asked_by,
       why, asked_at_ms, pseudonym
FROM forgetting JOIN account USING (account_no) JOIN house USING (house_no)
WHERE CASE WHEN CAST(:number AS BIGINT) IS NULL THEN done_at_ms IS NULL
    ELSE forgetting_no = :number END
ORDER BY forgetting_no

-- The number of an electronic act is of random letters, and no name.
-- name: documents
SELECT reference FROM claim JOIN own_register AS own ON own.register_no = claim.register_no
    AND at_ms BETWEEN from_ms AND to_ms WHERE account_no = :account
    AND NOT EXISTS (SELECT 1 FROM submission
        WHERE submission.claim_no = claim.claim_no AND submission.number = reference)
UNION
SELECT document FROM decision JOIN own_register AS own ON own.register_no = decision.register_no
    AND captured_at_ms BETWEEN from_ms AND to_ms
WHERE account_no = :account AND document IS NOT NULL

-- An address that another account has too is another one's as well, and stays.
-- name: reached
SELECT contact_no, channel, address, language FROM contact
WHERE account_no = :account AND address <> 'expired'
    AND address NOT IN (SELECT address FROM contact WHERE account_no <> :account)
ORDER BY contact_no

-- name: linked
SELECT audit_no FROM decision JOIN own_register AS own ON own.register_no = decision.register_no
    AND captured_at_ms BETWEEN from_ms AND to_ms WHERE account_no = :account
UNION SELECT audit_no FROM act WHERE account_no = :account
UNION SELECT audit_no FROM submission WHERE account_no = :account
UNION SELECT interference_charge.audit_no FROM interference_charge JOIN act USING (act_no)
WHERE account_no = :account AND interference_charge.audit_no IS NOT NULL
UNION SELECT audit_no FROM dispute_step JOIN dispute USING (dispute_no)
WHERE account_no = :account

-- name: handed
SELECT target, count(*), min(changed_at_ms), max(changed_at_ms)
FROM json_each(:events) w JOIN delivery ON event_no = CAST(w.value ->> 0 AS BIGINT)
WHERE state = 'acknowledged' GROUP BY target ORDER BY target

-- name: exported
SELECT at_ms, subject, after FROM audit WHERE act = 'export' AND forgotten_by IS NULL
AND EXISTS (SELECT 1 FROM written_line JOIN written_closing USING (closing_no)
            JOIN point USING (point_no) JOIN house ON house.house_no = point.house_no
            WHERE point.account_no = :account
              AND subject IN (house.name || ' ' || period, 'all houses ' || period))
ORDER BY audit_no

-- name: undelivered
SELECT count(DISTINCT event_no)
FROM json_each(:events) w JOIN delivery ON event_no = CAST(w.value ->> 0 AS BIGINT)
WHERE state IN ('pending', 'refused')

-- name: forget-claims
UPDATE claim SET actor = :name, reference = :name || '-' || claim_no
WHERE EXISTS (SELECT 1 FROM own_register AS own WHERE own.register_no = claim.register_no
              AND at_ms BETWEEN from_ms AND to_ms AND account_no = :account)

-- name: forget-decisions
UPDATE decision SET why = :name, document = CASE WHEN document IS NOT NULL THEN :name END
WHERE EXISTS (SELECT 1 FROM own_register AS own WHERE own.register_no = decision.register_no
              AND captured_at_ms BETWEEN from_ms AND to_ms AND account_no = :account)

-- name: forget-verdicts
UPDATE verdict SET detail = :name
WHERE rule = 'REVIEW' AND EXISTS (
    SELECT 1 FROM own_register AS own WHERE own.register_no = verdict.register_no
    AND captured_at_ms BETWEEN from_ms AND to_ms AND account_no = :account)

-- name: forget-dwelling
UPDATE account SET dwelling = :name WHERE account_no = :account

-- name: forget-line-dwellings
UPDATE written_line SET dwelling = :name
WHERE point_no IN (SELECT point_no FROM point WHERE account_no = :account)

-- name: forget-messages
DELETE FROM resident_message WHERE account_no = :account

-- name: forget-codes
DELETE FROM resident_code WHERE account_no = :account

-- name: forget-sessions
DELETE FROM resident_session WHERE account_no = :account

-- Whoever linked the account is forgotten whole: a person is one, whatever else they linked.
-- name: forget-tries
DELETE FROM linking_try WHERE account_no = :account OR identity_no IN (
    SELECT identity_no FROM resident_linked WHERE account_no = :account)

-- name: forget-passkeys
DELETE FROM resident_passkey WHERE identity_no IN (
    SELECT identity_no FROM resident_linked WHERE account_no = :account)

-- name: forget-signins
DELETE FROM resident_signin WHERE account_no = :account OR identity_no IN (
    SELECT identity_no FROM resident_linked WHERE account_no = :account)

-- name: forget-bill-codes
DELETE FROM bill_code WHERE account_no = :account

-- name: forget-linked
DELETE FROM resident_linked WHERE identity_no IN (
    SELECT identity_no FROM resident_linked AS theirs WHERE theirs.account_no = :account)

-- What no dwelling, no phone, no browser and no try belongs to any more.
-- name: forget-identities
DELETE FROM resident_identity WHERE NOT EXISTS (
        SELECT 1 FROM resident_linked o WHERE o.identity_no = resident_identity.identity_no)
    AND NOT EXISTS (
        SELECT 1 FROM resident_signin o WHERE o.identity_no = resident_identity.identity_no)
    AND NOT EXISTS (
        SELECT 1 FROM resident_passkey o WHERE o.identity_no = resident_identity.identity_no)
    AND NOT EXISTS (
        SELECT 1 FROM linking_try o WHERE o.identity_no = resident_identity.identity_no)

-- name: forget-links
DELETE FROM resident_link WHERE account_no = :account

-- name: forget-contacts
DELETE FROM contact WHERE account_no = :account

-- name: expiring-links
SELECT link_no FROM resident_link WHERE expires_ms < :before ORDER BY link_no LIMIT :most

-- name: expire-messages
DELETE FROM resident_message WHERE link_no IN (
    SELECT CAST(w.value AS BIGINT) FROM json_each(:links) w)

-- name: expire-codes
DELETE FROM resident_code WHERE link_no IN (
    SELECT CAST(w.value AS BIGINT) FROM json_each(:links) w)

-- name: expire-sessions
DELETE FROM resident_session WHERE link_no IN (
    SELECT CAST(w.value AS BIGINT) FROM json_each(:links) w)

-- name: expire-tries
DELETE FROM linking_try WHERE at_ms < :before

-- name: expire-signins
DELETE FROM resident_signin WHERE ends_ms < :before

-- name: expire-bill-codes
DELETE FROM bill_code WHERE expires_ms < :before

-- name: expire-linked
DELETE FROM resident_linked WHERE ended_ms < :before

-- A phone opens nothing where no dwelling is linked, and nobody could be forgotten by a dwelling.
-- name: expire-passkeys
DELETE FROM resident_passkey WHERE coalesce(used_ms, made_ms) < :before AND NOT EXISTS (
    SELECT 1 FROM resident_linked o WHERE o.identity_no = resident_passkey.identity_no)

-- The row stays: who showed a code is known by its number (gateway/resident/passkeys.py).
-- name: expire-contacts
UPDATE contact SET address = 'expired' WHERE until_ms < :before AND address <> 'expired'

-- name: expire-links
DELETE FROM resident_link WHERE link_no IN (
    SELECT CAST(w.value AS BIGINT) FROM json_each(:links) w)

-- name: forget-disputes
UPDATE dispute SET said = :name WHERE account_no = :account

-- name: forget-answers
UPDATE dispute_step SET told = :name WHERE told <> ''
    AND dispute_no IN (SELECT dispute_no FROM dispute WHERE account_no = :account)

-- name: forget-receipts
UPDATE resident_act SET sealed = :nothing WHERE account_no = :account

-- The files go with the next sweep (gateway/photo/keeping.py).
-- name: forget-photos
UPDATE photo SET is_removed = 1, sha256 = NULL, jpeg_sha256 = NULL, phash = NULL, cells = '[]',
    serial_seen = NULL
WHERE account_no = :account

-- name: forget-submissions
UPDATE submission SET page_key = :name || '-' || submission_no, asked = '[]'
WHERE account_no = :account

-- name: expire-photos
UPDATE photo SET is_removed = 1 WHERE photo_no IN (
    SELECT photo_no FROM photo WHERE received_at_ms < :before AND is_removed = 0
    ORDER BY photo_no LIMIT :most)

-- name: expire-disputes
UPDATE dispute SET said = 'expired' WHERE dispute_no IN (
    SELECT dispute_no FROM dispute WHERE opened_at_ms < :before AND said <> 'expired'
    AND said NOT LIKE 'forgotten-%' LIMIT :most)

-- name: expire-answers
UPDATE dispute_step SET told = 'expired' WHERE at_ms < :before AND told <> ''
    AND told <> 'expired' AND told NOT LIKE 'forgotten-%'

-- name: expire-receipts
UPDATE resident_act SET sealed = :nothing WHERE number IN (
    SELECT number FROM resident_act WHERE made_at_ms < :before AND length(sealed) > 0 LIMIT :most)

-- name: events
SELECT event_no, payload FROM event WHERE event_no > ? ORDER BY event_no LIMIT ?

-- name: done
UPDATE forgetting SET words = '[]', why = :name, confirmed_by = :by, done_at_ms = :now,
    pseudonym = :name WHERE forgetting_no = :number

-- name: expire-quarantine
UPDATE quarantine SET evidence = :nothing, kept = 0, detail = 'expired' WHERE quarantine_no IN (
    SELECT quarantine_no FROM quarantine WHERE received_at_ms < :before AND kept > 0 LIMIT :most)

-- name: expire-claims
UPDATE claim SET actor = 'expired', reference = 'expired-' || claim_no WHERE claim_no IN (
    SELECT claim_no FROM claim WHERE entered_ms < :before AND actor <> 'expired'
    AND actor NOT LIKE 'forgotten-%' LIMIT :most)

-- name: expire-reviews
UPDATE decision SET why = 'expired', document = CASE WHEN document IS NOT NULL THEN 'expired' END
WHERE decision_no IN (SELECT decision_no FROM decision WHERE at_ms < :before AND standing = 'done'
    AND why <> 'expired' AND why NOT LIKE 'forgotten-%' LIMIT :most)

-- name: expire-review-verdicts
UPDATE verdict SET detail = 'expired'
WHERE rule = 'REVIEW' AND given_at_ms < :before AND detail <> 'expired'
    AND detail NOT LIKE 'forgotten-%'

-- name: expire-requests
UPDATE gis_message SET body = :nothing WHERE message_no IN (
    SELECT message_no FROM gis_message WHERE changed_at_ms < :before AND length(body) > 0
    AND state IN ('done', 'refused') LIMIT :most)

-- name: expiring-entries
SELECT audit_no FROM audit WHERE at_ms < :before AND forgotten_by IS NULL
    AND act NOT IN ('person forget', 'retention') ORDER BY audit_no LIMIT :most
