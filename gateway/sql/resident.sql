-- Residents: links, codes, sessions, contacts, askings and messages.

-- name: dwelling
SELECT account_no, number, house.name, dwelling, timezone
FROM account JOIN house USING (house_no) WHERE account_no = ?

-- name: dwelling-by-number
SELECT account_no, number, house.name, dwelling, timezone
FROM account JOIN house USING (house_no) WHERE number = ?

-- name: contact
SELECT contact_no, account_no, channel, address, language, unsubscribed_ms FROM contact
WHERE contact_no = ? AND until_ms IS NULL

-- E-mail first: it costs nothing.
-- name: contacts
SELECT contact_no, account_no, channel, address, language, unsubscribed_ms FROM contact
WHERE account_no = ? AND until_ms IS NULL ORDER BY channel, contact_no

-- name: unsubscribe
UPDATE contact SET unsubscribed_ms = :now
WHERE contact_no = :contact AND unsubscribed_ms IS NULL

-- name: drop-of-contact
UPDATE resident_message SET state = 'dropped', changed_ms = :now, last_error = 'unsubscribed'
WHERE contact_no = :contact AND state = 'waiting'
    AND kind IN ('ask', 'reminder', 'taken', 'answered')

-- name: link
SELECT link_no, account_no, period, purpose, contact_no, nonce, made_ms, expires_ms, used_ms,
    tries, ended_ms
FROM resident_link WHERE token_sha256 = ?

-- name: link-by-number
SELECT link_no, account_no, period, purpose, contact_no, nonce, made_ms, expires_ms, used_ms,
    tries, ended_ms
FROM resident_link WHERE link_no = ?

-- name: stop-link
SELECT link_no, account_no, period, purpose, contact_no, nonce, made_ms, expires_ms, used_ms,
    tries, ended_ms
FROM resident_link WHERE account_no = :account AND contact_no = :contact AND purpose = 'stop'
    AND expires_ms > :until AND ended_ms IS NULL
ORDER BY link_no DESC LIMIT 1

-- name: add-link
INSERT INTO resident_link (account_no, period, purpose, contact_no, nonce, token_sha256, made_ms,
    expires_ms)
VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING link_no

-- name: end-link
UPDATE resident_link SET ended_ms = :now, ended_why = :why
WHERE link_no = :link AND ended_ms IS NULL

-- Those that were used go on for their sessions, and those that tell of a dispute for it.
-- name: end-unused-links
UPDATE resident_link SET ended_ms = :now, ended_why = :why
WHERE account_no = :account AND period = :period AND purpose = 'give' AND used_ms IS NULL
    AND ended_ms IS NULL AND NOT EXISTS (
        SELECT 1 FROM resident_message
        WHERE resident_message.link_no = resident_link.link_no AND kind IN ('taken', 'answered'))

-- name: end-paper-links
UPDATE resident_link SET ended_ms = :now, ended_why = :why
WHERE account_no = :account AND contact_no IS NULL AND purpose = 'give' AND used_ms IS NULL
    AND ended_ms IS NULL

-- name: end-all-links
UPDATE resident_link SET ended_ms = :now, ended_why = :why
WHERE account_no = :account AND ended_ms IS NULL

-- name: last-code
SELECT code_no, link_no, nonce, made_ms, expires_ms, tries, ended_ms
FROM resident_code WHERE link_no = ? ORDER BY code_no DESC LIMIT 1

-- name: codes-since
SELECT count(*) FROM resident_code
WHERE (CAST(:account AS BIGINT) IS NULL OR account_no = :account) AND made_ms > :since

-- name: links-since
SELECT count(*) FROM resident_message
WHERE account_no = :account AND kind = 'link' AND made_ms > :since

-- name: add-code
INSERT INTO resident_code (link_no, account_no, nonce, made_ms, expires_ms)
VALUES (?, ?, ?, ?, ?) RETURNING code_no

-- name: add-message
INSERT INTO resident_message (account_no, contact_no, asking_no, kind, link_no, code_no, state,
    made_ms, next_ms, until_ms, changed_ms, mail_id, about)
VALUES (:account, :contact, :asking, :kind, :link, :code, 'waiting', :made, :next, :until, :made,
    :mail, :about)

-- name: add-session
INSERT INTO resident_session (secret_sha256, link_no, account_no, via, opened_ms, seen_ms, ends_ms)
VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING session_no

-- name: session
SELECT session_no, s.link_no, s.account_no, number, house.name, dwelling, timezone, period, via,
    opened_ms, seen_ms, ends_ms
FROM resident_session s
JOIN resident_link l ON l.link_no = s.link_no
JOIN account ON account.account_no = s.account_no
JOIN house USING (house_no)
WHERE secret_sha256 = ? AND s.ended_ms IS NULL

-- name: end-sessions
UPDATE resident_session SET ended_ms = :now WHERE account_no = :account AND ended_ms IS NULL

-- name: drop-of-account
UPDATE resident_message SET state = 'dropped', changed_ms = :now, last_error = :why
WHERE account_no = :account AND state = 'waiting'

-- name: end-codes
UPDATE resident_code SET ended_ms = :now WHERE account_no = :account AND ended_ms IS NULL

-- name: end-askings
UPDATE asking SET outcome = 'ended', ended_ms = :now
WHERE account_no = :account AND outcome IS NULL

-- name: end-contacts
UPDATE contact SET until_ms = CASE WHEN since_ms > :now THEN since_ms ELSE :now END
WHERE account_no = :account AND until_ms IS NULL

-- Every register that stands at an account's point, with the last values it is known by.
-- name: registers
SELECT point.account_no, register.register_no, point.name, resource, serial, obis, register.unit,
    exponent, digits, installed_at_ms,
    (SELECT initial_mantissa FROM installation_value
        WHERE installation_value.installation_no = installation.installation_no
            AND installation_value.register_no = register.register_no) AS initial_mantissa,
    (SELECT captured_at_ms FROM automatic_reading AS one
        WHERE one.register_no = register.register_no AND one.captured_at_ms <= :now AND state = 0
        ORDER BY one.captured_at_ms DESC LIMIT 1) AS automatic_ms,
    (SELECT max(claim.at_ms) FROM claim
        WHERE claim.register_no = register.register_no AND claim.at_ms <= :ahead) AS claimed_ms,
    (SELECT captured_at_ms FROM reading AS one
        WHERE one.register_no = register.register_no AND one.captured_at_ms <= :now AND state = 0
        ORDER BY one.captured_at_ms DESC, copy LIMIT 1) AS last_ms,
    (SELECT mantissa FROM reading AS one
        WHERE one.register_no = register.register_no AND one.captured_at_ms <= :now AND state = 0
        ORDER BY one.captured_at_ms DESC, copy LIMIT 1) AS last_mantissa
FROM point
JOIN installation ON installation.point_no = point.point_no AND installed_at_ms <= :now
    AND (removed_at_ms IS NULL OR removed_at_ms > :now)
JOIN meter ON meter.meter_no = installation.meter_no
JOIN register ON register.meter_no = meter.meter_no AND register.registered = 1
WHERE house_no = :house AND point.account_no IS NOT NULL
    AND (CAST(:account AS BIGINT) IS NULL OR point.account_no = :account)
ORDER BY point.account_no, point.name, serial, obis

-- name: open-askings
SELECT asking_no, asking.account_no, period, closes_ms,
    (SELECT count(*) FROM resident_message JOIN contact USING (contact_no)
        WHERE resident_message.asking_no = asking.asking_no AND contact.until_ms IS NULL)
FROM asking JOIN account ON account.account_no = asking.account_no
WHERE house_no = ? AND outcome IS NULL ORDER BY asking_no

-- name: asked-in
SELECT asking.account_no, period FROM asking JOIN account ON account.account_no = asking.account_no
WHERE house_no = :house AND period IN (SELECT w.atom FROM json_each(:periods) w)

-- name: add-asking
INSERT INTO asking (account_no, period, asked_ms, closes_ms) VALUES (?, ?, ?, ?)
RETURNING asking_no

-- name: end-asking
UPDATE asking SET outcome = ?, ended_ms = ? WHERE asking_no = ?

-- name: drop-of-asking
UPDATE resident_message SET state = 'dropped', changed_ms = :now, last_error = :why
WHERE asking_no = :asking AND state = 'waiting'

-- name: due
SELECT m.message_no, m.kind, m.tries, m.unsure, m.next_ms, m.until_ms, m.mail_id, m.contact_no,
    m.link_no, m.code_no, c.channel, c.address, c.language, c.unsubscribed_ms,
    c.until_ms, m.account_no, number, house.name, dwelling, timezone, closes_ms, outcome,
    m.asking_no, about
FROM resident_message m
JOIN contact c ON c.contact_no = m.contact_no
JOIN account ON account.account_no = m.account_no
JOIN house ON house.house_no = account.house_no
LEFT JOIN asking ON asking.asking_no = m.asking_no
WHERE state = 'waiting' AND next_ms <= :now ORDER BY next_ms, message_no LIMIT :most

-- name: code-by-number
SELECT code_no, link_no, nonce, made_ms, expires_ms, tries, ended_ms
FROM resident_code WHERE code_no = ?

-- name: begin
UPDATE resident_message SET tries = tries + 1, unsure = unsure + 1, next_ms = :next,
    changed_ms = :now, link_no = :link
WHERE message_no = :message AND state = 'waiting'

-- name: postpone
UPDATE resident_message SET next_ms = :next, changed_ms = :now WHERE message_no = :message

-- A message that was dropped while it was on its way is noted as sent all the same: it was.
-- name: note-sent
UPDATE resident_message SET state = 'sent', unsure = 0, changed_ms = :now, last_error = ''
WHERE message_no = :message

-- name: note-later
UPDATE resident_message SET unsure = unsure - :known, next_ms = :next, changed_ms = :now,
    last_error = :error WHERE message_no = :message AND state = 'waiting'

-- name: note-over
UPDATE resident_message SET state = :state, changed_ms = :now, last_error = :error
WHERE message_no = :message AND state = 'waiting'

-- name: add-contact
INSERT INTO contact (account_no, channel, address, language, since_ms) VALUES (?, ?, ?, ?, ?)

-- name: end-contact
UPDATE contact SET until_ms = CASE WHEN since_ms > :now THEN since_ms ELSE :now END
WHERE contact_no = :contact

-- Whoever was let in by a contact's code is that contact. Their hash does not say which one of the
-- dwelling's, so all phones that were remembered in that way go; each is remembered anew by a link.
-- name: forget-phones-of-contact
DELETE FROM resident_passkey WHERE identity_no IN (
    SELECT identity_no FROM resident_linked JOIN resident_identity USING (identity_no)
    WHERE provider = 'passkey' AND via = 'link'
        AND account_no = (SELECT account_no FROM contact WHERE contact_no = :contact))

-- name: end-signins-of-contact
UPDATE resident_signin SET ended_ms = :now WHERE ended_ms IS NULL AND identity_no IN (
    SELECT identity_no FROM resident_linked JOIN resident_identity USING (identity_no)
    WHERE provider = 'passkey' AND resident_linked.via = 'link' AND resident_linked.account_no = (
        SELECT account_no FROM contact WHERE contact_no = :contact))

-- name: unlink-contact
UPDATE resident_linked SET ended_ms = :now WHERE ended_ms IS NULL AND via = 'link'
    AND account_no = (SELECT account_no FROM contact WHERE contact_no = :contact)

-- name: set-language
UPDATE contact SET language = ? WHERE contact_no = ?

-- name: status-askings
SELECT house.name, period, count(*),
    sum(CASE WHEN outcome IS NULL THEN 1 ELSE 0 END),
    sum(CASE WHEN outcome = 'given' THEN 1 ELSE 0 END),
    sum(CASE WHEN outcome = 'silent' THEN 1 ELSE 0 END),
    sum(CASE WHEN outcome = 'over' THEN 1 ELSE 0 END),
    sum(CASE WHEN outcome IS NULL AND NOT EXISTS (
        SELECT 1 FROM contact WHERE contact.account_no = asking.account_no
            AND until_ms IS NULL AND unsubscribed_ms IS NULL) THEN 1 ELSE 0 END)
FROM asking JOIN account USING (account_no) JOIN house USING (house_no)
WHERE CAST(:house AS TEXT) IS NULL OR house.name = :house
GROUP BY house.name, period ORDER BY period DESC, house.name LIMIT :most

-- name: status-messages
SELECT kind, state, count(*) FROM resident_message
JOIN account USING (account_no) JOIN house USING (house_no)
WHERE CAST(:house AS TEXT) IS NULL OR house.name = :house
GROUP BY kind, state ORDER BY kind, state

-- name: status-failed
SELECT number, kind, changed_ms, last_error FROM resident_message JOIN account USING (account_no)
JOIN house USING (house_no)
WHERE state IN ('waiting', 'failed') AND last_error <> ''
    AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
ORDER BY changed_ms DESC, message_no DESC LIMIT :most

-- name: status-contacts
SELECT channel, sum(CASE WHEN unsubscribed_ms IS NULL THEN 1 ELSE 0 END),
    sum(CASE WHEN unsubscribed_ms IS NULL THEN 0 ELSE 1 END)
FROM contact JOIN account USING (account_no) JOIN house USING (house_no)
WHERE until_ms IS NULL AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
GROUP BY channel ORDER BY channel

-- name: without-contact
SELECT account_no FROM asking JOIN account USING (account_no)
WHERE house_no = :house AND period = :period AND outcome IS NULL AND NOT EXISTS (
    SELECT 1 FROM contact WHERE contact.account_no = asking.account_no
        AND until_ms IS NULL AND unsubscribed_ms IS NULL)
ORDER BY length(dwelling), dwelling, account_no

-- name: closes
SELECT max(closes_ms) FROM asking WHERE account_no = ? AND period = ?
