-- What is only added to stays as it was, whoever writes; and a column that follows from others.

-- Refuses what it is called for; its argument says why. The second one lets it pass inside a
-- transaction that forgets (see forgetting_now).
CREATE FUNCTION only_added_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END
$$;
CREATE FUNCTION only_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM forgetting_now) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END
$$;

CREATE TRIGGER audit_is_not_shortened BEFORE DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION only_added_to('the audit log is only added to');
CREATE TRIGGER audit_is_not_emptied BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to('the audit log is only added to');
CREATE TRIGGER audit_is_not_changed
    BEFORE UPDATE OF audit_no, at_ms, actor, via, act, previous, is_sealed ON audit
    FOR EACH ROW EXECUTE FUNCTION only_added_to('the audit log is only added to');
CREATE TRIGGER audit_texts_lose_their_salt
    BEFORE UPDATE OF subject, before, after, why, salt, seal, forgotten_by ON audit
    FOR EACH ROW WHEN (NEW.salt IS NOT NULL OR NEW.forgotten_by IS NULL
        OR (OLD.seal IS NOT NULL AND NEW.seal IS DISTINCT FROM OLD.seal))
    EXECUTE FUNCTION only_added_to('the audit log is only added to');
CREATE TRIGGER audit_texts_are_only_forgotten
    BEFORE UPDATE OF subject, before, after, why, salt, seal, forgotten_by ON audit
    FOR EACH ROW EXECUTE FUNCTION only_forgotten('the audit log is only added to');

CREATE TRIGGER decision_is_not_removed BEFORE DELETE ON decision
    FOR EACH ROW EXECUTE FUNCTION only_added_to('decisions are only added to');
CREATE TRIGGER decision_is_not_emptied BEFORE TRUNCATE ON decision
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to('decisions are only added to');
CREATE TRIGGER decision_is_not_changed
    BEFORE UPDATE OF decision_no, register_no, captured_at_ms, copy, act, standing, actor, at_ms,
        confirms, state_before, state_after, effect, read_at_ms, read_copy, read_mantissa,
        document_sha256, through_ms, audit_no ON decision
    FOR EACH ROW EXECUTE FUNCTION only_added_to('decisions are only added to');
CREATE TRIGGER decision_texts_are_only_forgotten BEFORE UPDATE OF why, document ON decision
    FOR EACH ROW EXECUTE FUNCTION only_forgotten('decisions are only added to');

CREATE TRIGGER act_is_not_removed BEFORE DELETE ON act
    FOR EACH ROW EXECUTE FUNCTION only_added_to('acts are only added to');
CREATE TRIGGER act_is_not_emptied BEFORE TRUNCATE ON act
    FOR EACH STATEMENT EXECUTE FUNCTION only_added_to('acts are only added to');
CREATE TRIGGER act_is_not_changed
    BEFORE UPDATE OF act_no, kind, made_on, account_no, point_no, obis, capacity, begun_on,
        audit_no ON act
    FOR EACH ROW EXECUTE FUNCTION only_added_to('acts are only added to');
CREATE TRIGGER act_texts_are_only_forgotten BEFORE UPDATE OF number, made_by ON act
    FOR EACH ROW EXECUTE FUNCTION only_forgotten('acts are only added to');

CREATE TRIGGER interference_charge_stands BEFORE UPDATE ON interference_charge
    FOR EACH ROW WHEN (OLD.amount <> NEW.amount OR OLD.act_no <> NEW.act_no
        OR OLD.closing_no IS NOT NULL)
    EXECUTE FUNCTION only_forgotten('a charge is only confirmed and handed over');

-- Which house is due: the one whose newest closed period is the oldest ('': none is closed), found
-- by an index however many are closed already.
CREATE FUNCTION keep_newest_closed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE house SET newest_closed = coalesce((SELECT max(period) FROM closed_period
        WHERE closed_period.house_no = house.house_no), '')
    WHERE house_no = (SELECT house_no FROM written_closing WHERE closing_no = NEW.closing_no);
    RETURN NULL;
END
$$;
CREATE TRIGGER period_closed AFTER INSERT ON written_closing
    FOR EACH ROW EXECUTE FUNCTION keep_newest_closed();
CREATE TRIGGER period_withdrawn AFTER INSERT ON withdrawal
    FOR EACH ROW EXECUTE FUNCTION keep_newest_closed();
