-- Residents are told what becomes of a dispute: two more kinds of messages, and what one is about.

ALTER TABLE resident_message
    ADD COLUMN about TEXT COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT resident_message_kind_check,
    ADD CONSTRAINT resident_message_kind_check
        CHECK (kind IN ('ask', 'reminder', 'code', 'link', 'taken', 'answered')),
    ADD CHECK ((kind IN ('taken', 'answered')) = (about <> ''));
