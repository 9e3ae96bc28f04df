-- People: texts of the audit log that can be forgotten, and who asked for it.

-- is_sealed: the chain holds `seal`, the salted hash of the texts, instead of the texts. Entries
-- from before stay of the first form; of one that was forgotten `seal` is the whole entry's hash.
-- forgotten_by: the entry with which the salt went; what stands in the texts then is what is left.
ALTER TABLE audit ADD COLUMN salt BLOB CHECK (length(salt) = 16);
ALTER TABLE audit ADD COLUMN seal BLOB CHECK (length(seal) = 32);
ALTER TABLE audit ADD COLUMN is_sealed INTEGER NOT NULL DEFAULT 0 CHECK (is_sealed IN (0, 1));
ALTER TABLE audit ADD COLUMN forgotten_by INTEGER;

-- There is a row only inside the transaction that forgets: the triggers below let texts go then.
CREATE TABLE forgetting_now (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1)
) STRICT;

-- Who asked that a person be forgotten. words: a JSON array of what else names them; emptied, as
-- why is, when it is done. done_at_ms: when another person confirmed it; pseudonym: what stands in
-- the place of the account's number since then.
CREATE TABLE forgetting (
    forgetting_no  INTEGER PRIMARY KEY,
    account_no     INTEGER NOT NULL REFERENCES account,
    words          TEXT NOT NULL,
    takes_dwelling INTEGER NOT NULL CHECK (takes_dwelling IN (0, 1)),
    asked_by       TEXT NOT NULL,
    why            TEXT NOT NULL,
    asked_at_ms    INTEGER NOT NULL,
    confirmed_by   TEXT,
    done_at_ms     INTEGER,
    pseudonym      TEXT UNIQUE,
    CHECK ((done_at_ms IS NULL) = (confirmed_by IS NULL)),
    CHECK ((done_at_ms IS NULL) = (pseudonym IS NULL))
) STRICT;
CREATE UNIQUE INDEX forgetting_waiting ON forgetting (account_no) WHERE done_at_ms IS NULL;

DROP TRIGGER audit_is_not_changed;
CREATE TRIGGER audit_is_not_changed
BEFORE UPDATE OF audit_no, at_ms, actor, via, act, previous, is_sealed ON audit
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;
CREATE TRIGGER audit_texts_are_only_forgotten
BEFORE UPDATE OF subject, before, after, why, salt, seal, forgotten_by ON audit
WHEN NOT EXISTS (SELECT 1 FROM forgetting_now) OR NEW.salt IS NOT NULL
    OR NEW.forgotten_by IS NULL
    OR (OLD.seal IS NOT NULL AND NEW.seal IS NOT OLD.seal)
BEGIN
    SELECT RAISE(ABORT, 'the audit log is only added to');
END;

DROP TRIGGER decision_is_not_changed;
CREATE TRIGGER decision_is_not_changed
BEFORE UPDATE OF decision_no, register_no, captured_at_ms, copy, act, standing, actor, at_ms,
    confirms, state_before, state_after, effect, read_at_ms, read_copy, read_mantissa,
    document_sha256, through_ms, audit_no ON decision
BEGIN
    SELECT RAISE(ABORT, 'decisions are only added to');
END;
CREATE TRIGGER decision_texts_are_only_forgotten BEFORE UPDATE OF why, document ON decision
WHEN NOT EXISTS (SELECT 1 FROM forgetting_now)
BEGIN
    SELECT RAISE(ABORT, 'decisions are only added to');
END;

DROP TRIGGER act_is_not_changed;
CREATE TRIGGER act_is_not_changed
BEFORE UPDATE OF act_no, kind, made_on, account_no, point_no, obis, capacity, begun_on, audit_no
ON act
BEGIN
    SELECT RAISE(ABORT, 'acts are only added to');
END;
CREATE TRIGGER act_texts_are_only_forgotten BEFORE UPDATE OF number, made_by ON act
WHEN NOT EXISTS (SELECT 1 FROM forgetting_now)
BEGIN
    SELECT RAISE(ABORT, 'acts are only added to');
END;

DROP TRIGGER interference_charge_stands;
CREATE TRIGGER interference_charge_stands BEFORE UPDATE ON interference_charge
WHEN (OLD.amount <> NEW.amount OR OLD.act_no <> NEW.act_no OR OLD.closing_no IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM forgetting_now)
BEGIN
    SELECT RAISE(ABORT, 'a charge is only confirmed and handed over');
END;
