-- Statements of gateway/sql/identity.py.

-- name: invitations
SELECT i.invitation_no, i.label, i.house_no, h.name, coalesce(i.device, ''), i.made_at_ms,
    i.made_by, i.expires_at_ms, i.revoked_at_ms, coalesce(i.revoked_why, ''),
    coalesce(d.name, ''), e.enrolled_at_ms, coalesce(e.key_id, :none), coalesce(e.key_sha256, :none)
FROM invitation i JOIN house h USING (house_no)
LEFT JOIN enrolment e USING (invitation_no)
LEFT JOIN device d USING (device_no)
WHERE (CAST(:house AS TEXT) IS NULL OR h.name = :house)
    AND i.secret_sha256 = coalesce(:hash, i.secret_sha256)
ORDER BY i.invitation_no DESC;

-- name: invite
INSERT INTO invitation
    (label, secret_sha256, house_no, device, made_at_ms, made_by, expires_at_ms)
VALUES (:label, :secret_sha256, :house_no, nullif(:device, ''), :made_at_ms, :made_by,
    :expires_at_ms);

-- name: device
SELECT d.device_no, d.name, coalesce(h.name, ''), r.revoked_at_ms
FROM device d LEFT JOIN house h USING (house_no) LEFT JOIN device_revocation r USING (device_no)
WHERE d.name = ?;

-- name: keys
SELECT key_id, public_key, valid_from_ms, valid_to_ms FROM device_key
WHERE device_no = ? ORDER BY valid_from_ms DESC, key_id;

-- name: add-certificate
INSERT INTO certificate (serial, issuer, profile, subject, device_no, key_sha256, valid_from_ms,
    valid_to_ms, issued_at_ms, pem)
VALUES (:serial, :issuer, :profile, :subject, :device_no, :key_sha256, :valid_from_ms,
    :valid_to_ms, :issued_at_ms, :pem)
RETURNING certificate_no;

-- name: certificates
SELECT certificate_no, serial, issuer, profile, subject, key_sha256, valid_from_ms, valid_to_ms,
    pem, revoked_at_ms, coalesce(revoked_for, '')
FROM certificate
WHERE key_sha256 = coalesce(:key, key_sha256)
    AND (CAST(:device_no AS BIGINT) IS NULL OR device_no = :device_no)
ORDER BY valid_to_ms DESC, certificate_no DESC;

-- name: owner
SELECT d.name FROM certificate c JOIN device d USING (device_no) WHERE c.key_sha256 = :key
UNION SELECT c.subject FROM certificate c WHERE c.key_sha256 = :key AND c.device_no IS NULL
UNION SELECT d.name FROM certificate_request r JOIN device d USING (device_no)
    WHERE r.key_sha256 = :key
LIMIT 1;

-- name: revoke-certificate
UPDATE certificate SET revoked_at_ms = :at_ms, revoked_for = :reason
WHERE certificate_no = :certificate_no AND revoked_at_ms IS NULL;

-- name: ask
INSERT INTO certificate_request (device_no, key_sha256, csr, asked_at_ms)
VALUES (:device_no, :key, :csr, :now_ms)
ON CONFLICT (key_sha256) DO UPDATE SET csr = :csr, asked_at_ms = :now_ms, certificate_no = NULL
WHERE certificate_request.certificate_no IS NOT NULL;

-- name: asked
SELECT r.request_no, r.device_no, d.name, r.key_sha256, r.csr, r.asked_at_ms
FROM certificate_request r JOIN device d USING (device_no)
WHERE r.certificate_no IS NULL
    AND r.device_no NOT IN (SELECT device_no FROM device_revocation)
ORDER BY r.request_no;

-- name: revoked
SELECT serial, revoked_at_ms, revoked_for FROM certificate
WHERE issuer = :issuer AND revoked_at_ms IS NOT NULL AND valid_to_ms > :since_ms
ORDER BY revoked_at_ms, certificate_no;

-- name: met-this-hour
SELECT EXISTS (SELECT 1 FROM enrolment_refusal
    WHERE hour_ms = :hour_ms AND reason = :reason AND invitation = :invitation);

-- name: refuse
INSERT INTO enrolment_refusal (hour_ms, first_at_ms, last_at_ms, reason, invitation, device,
    fingerprint, source, detail, count)
VALUES (:hour_ms, :now_ms, :now_ms, :reason, :invitation, :device, :fingerprint, :source,
    :detail, 1)
ON CONFLICT (hour_ms, reason, invitation, device, source)
    DO UPDATE SET count = enrolment_refusal.count + 1, last_at_ms = :now_ms,
        fingerprint = :fingerprint;

-- name: drop-refusals
-- The newest of every reason stay, so that a flood of one kind hides no other.
DELETE FROM enrolment_refusal WHERE reason = :reason AND refusal_no NOT IN (
    SELECT refusal_no FROM enrolment_refusal WHERE reason = :reason
    ORDER BY last_at_ms DESC, refusal_no DESC LIMIT :kept);

-- name: refusals
SELECT first_at_ms, last_at_ms, reason, invitation, device, fingerprint, source, detail, count
FROM enrolment_refusal ORDER BY last_at_ms DESC, refusal_no DESC LIMIT ?;

-- name: identities
SELECT d.device_no, d.name, coalesce(h.name, ''),
    (SELECT max(e.enrolled_at_ms) FROM enrolment e WHERE e.device_no = d.device_no),
    coalesce(c.serial, ''), c.valid_from_ms, c.valid_to_ms,
    EXISTS (SELECT 1 FROM certificate_request q
        WHERE q.device_no = d.device_no AND q.certificate_no IS NULL),
    r.revoked_at_ms, coalesce(r.why, '')
FROM device d LEFT JOIN house h USING (house_no)
LEFT JOIN device_revocation r USING (device_no)
LEFT JOIN certificate c ON c.certificate_no =
    (SELECT n.certificate_no FROM certificate n
        WHERE n.device_no = d.device_no AND n.revoked_at_ms IS NULL
        ORDER BY n.valid_to_ms DESC, n.certificate_no DESC LIMIT 1)
WHERE (CAST(:house AS TEXT) IS NULL OR coalesce(h.name, '') = :house)
    AND EXISTS (SELECT 1 FROM device_key k WHERE k.device_no = d.device_no)
ORDER BY h.name NULLS FIRST, d.name;
