-- Identities: certificates, invitations, enrolments, revocations.

-- Every certificate that is believed here: issued by the private CA, or brought from an external one.
CREATE TABLE certificate (
    certificate_no INTEGER PRIMARY KEY,
    -- The serial number in lower-case hex without leading zeros; unique within its issuer.
    serial         TEXT NOT NULL,
    -- The issuer's name as RFC 4514 writes it.
    issuer         TEXT NOT NULL,
    -- What it is for: a device's client certificate, a server's, a collector's client certificate.
    profile        TEXT NOT NULL CHECK (profile IN ('device', 'server', 'collector')),
    -- The subject's common name: a device's name, a server's first name, a collector's client id.
    subject        TEXT NOT NULL,
    -- The device it speaks for; NULL for all but profile 'device'.
    device_no      INTEGER REFERENCES device,
    -- SHA-256 of the SubjectPublicKeyInfo (DER) of its key.
    key_sha256     BLOB NOT NULL CHECK (length(key_sha256) = 32),
    -- valid_from_ms <= now < valid_to_ms.
    valid_from_ms  INTEGER NOT NULL,
    valid_to_ms    INTEGER NOT NULL CHECK (valid_to_ms > valid_from_ms),
    -- When it came into this table.
    issued_at_ms   INTEGER NOT NULL,
    -- The certificate itself, PEM, without its chain.
    pem            TEXT NOT NULL,
    -- From when it is not to be believed, on the CRL; NULL while it stands.
    revoked_at_ms  INTEGER,
    -- The reason of RFC 5280, 5.3.1, as its name there ('keyCompromise', 'superseded', ...).
    revoked_for    TEXT CHECK (
        revoked_for IN ('unspecified', 'keyCompromise', 'superseded', 'cessationOfOperation')),
    CHECK ((profile = 'device') = (device_no IS NOT NULL)),
    CHECK ((revoked_at_ms IS NULL) = (revoked_for IS NULL)),
    UNIQUE (issuer, serial)
) STRICT;
CREATE INDEX certificate_of_device ON certificate (device_no, valid_to_ms);
CREATE INDEX certificate_by_key ON certificate (key_sha256);

-- The number of the last CRL: each is above the one before (RFC 5280, 5.2.3).
CREATE TABLE crl_number (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number   INTEGER NOT NULL
) STRICT;
INSERT INTO crl_number VALUES (1, 0);

-- Permission for one device of one house to enrol, once.
CREATE TABLE invitation (
    invitation_no INTEGER PRIMARY KEY,
    -- What lists and logs call it: eight hex digits, not secret.
    label         TEXT NOT NULL UNIQUE,
    -- SHA-256 of its 128-bit secret, which itself is stored nowhere.
    secret_sha256 BLOB NOT NULL UNIQUE CHECK (length(secret_sha256) = 32),
    house_no      INTEGER NOT NULL REFERENCES house,
    -- The only name it may be used by; NULL for any that the house's list allows.
    device        TEXT,
    made_at_ms    INTEGER NOT NULL,
    made_by       TEXT NOT NULL,
    -- The first instant at which it is worth nothing.
    expires_at_ms INTEGER NOT NULL CHECK (expires_at_ms > made_at_ms),
    -- When it was withdrawn, and why; NULL while it was not.
    revoked_at_ms INTEGER,
    revoked_why   TEXT
) STRICT;
CREATE INDEX invitation_of_house ON invitation (house_no);

-- The device names a house expects. A house without a row admits any name.
CREATE TABLE preauthorised (
    house_no INTEGER NOT NULL REFERENCES house,
    device   TEXT NOT NULL,
    since_ms INTEGER NOT NULL,
    by       TEXT NOT NULL,
    PRIMARY KEY (house_no, device)
) STRICT, WITHOUT ROWID;

-- The one use of an invitation: which device came with which keys.
CREATE TABLE enrolment (
    invitation_no INTEGER PRIMARY KEY REFERENCES invitation,
    device_no     INTEGER NOT NULL REFERENCES device,
    -- The signing key it registered; it stays in device_key.
    key_id        BLOB NOT NULL REFERENCES device_key,
    -- SHA-256 of the TLS key's SubjectPublicKeyInfo.
    key_sha256    BLOB NOT NULL CHECK (length(key_sha256) = 32),
    enrolled_at_ms INTEGER NOT NULL,
    -- The address it came from.
    source        TEXT NOT NULL
) STRICT;

-- A certificate that was asked for and is not there yet: an external CA takes its time.
CREATE TABLE certificate_request (
    request_no     INTEGER PRIMARY KEY,
    device_no      INTEGER NOT NULL REFERENCES device,
    key_sha256     BLOB NOT NULL UNIQUE CHECK (length(key_sha256) = 32),
    -- PKCS#10, PEM.
    csr            TEXT NOT NULL,
    asked_at_ms    INTEGER NOT NULL,
    -- The certificate that answered it.
    certificate_no INTEGER REFERENCES certificate
) STRICT;
CREATE INDEX certificate_request_of_device ON certificate_request (device_no);

-- Devices that may speak no more, for good: their keys have ended, their certificates are revoked.
-- The broker's rules leave out every device with a row here.
CREATE TABLE device_revocation (
    device_no     INTEGER PRIMARY KEY REFERENCES device,
    -- From this instant on nothing it signs is believed and no broker hears it.
    revoked_at_ms INTEGER NOT NULL,
    by            TEXT NOT NULL,
    why           TEXT NOT NULL,
    -- 1: what it signed before still counts when it arrives later; 0: nothing that arrives does,
    -- since whoever has its key can write any time of signing.
    takes_backlog INTEGER NOT NULL CHECK (takes_backlog IN (0, 1))
) STRICT;

-- Who was not let in: one row per hour, reason, invitation, device name and address, counted.
-- Bounded: the oldest are dropped.
CREATE TABLE enrolment_refusal (
    refusal_no    INTEGER PRIMARY KEY,
    -- The start of the hour, ms since the epoch.
    hour_ms       INTEGER NOT NULL,
    first_at_ms   INTEGER NOT NULL,
    last_at_ms    INTEGER NOT NULL,
    -- A stable word.
    reason        TEXT NOT NULL,
    -- The label of a known invitation, '' otherwise.
    invitation    TEXT NOT NULL,
    -- The name it gave itself, '' if it gave none that could be read.
    device        TEXT NOT NULL,
    -- The short fingerprint of the signing key it showed, '' if none.
    fingerprint   TEXT NOT NULL,
    source        TEXT NOT NULL,
    detail        TEXT NOT NULL,
    count         INTEGER NOT NULL CHECK (count > 0),
    UNIQUE (hour_ms, reason, invitation, device, source)
) STRICT;

-- Devices that may speak now: with a signing key that has not ended, and not revoked.
-- For the broker's rules; `device` is topic name, client id and certificate CN in one.
CREATE VIEW speaking_device AS
SELECT d.device_no, d.name AS device, h.name AS house
FROM device d LEFT JOIN house h USING (house_no)
WHERE d.device_no NOT IN (SELECT device_no FROM device_revocation)
    AND EXISTS (SELECT 1 FROM device_key k
        WHERE k.device_no = d.device_no AND k.valid_to_ms IS NULL);
