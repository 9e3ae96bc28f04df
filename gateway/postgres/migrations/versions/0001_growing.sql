-- What grows without end, in partitions by month, and what lets collectors take turns.
--
-- A batch is two rows. batch_head, all of it but the bytes, is one plain table for ever: so
-- (device_no, sequence) and batch_no stay unique whatever the month, everything that refers to a
-- batch has a key to refer to, and the chain of hashes can be checked after the bytes have gone to
-- an archive. batch_message, nine tenths of the room, is in months of received_at_ms. The view
-- batch is what SQLite's table of that name is; it looks for the bytes only where they are asked.

CREATE TABLE batch_head (
    batch_no       BIGINT PRIMARY KEY,
    device_no      BIGINT NOT NULL REFERENCES device,
    sequence       BIGINT NOT NULL CHECK (sequence >= 1),
    hash           BYTEA NOT NULL,
    previous       BYTEA NOT NULL,
    key_id         BYTEA NOT NULL REFERENCES device_key,
    signed_at_ms   BIGINT NOT NULL,
    clock_state    TEXT COLLATE "C" NOT NULL,
    boot           BYTEA NOT NULL,
    uptime_ms      BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    rules_version  BIGINT NOT NULL,
    reading_count  BIGINT NOT NULL
);
CREATE UNIQUE INDEX batch_of_device ON batch_head (device_no, sequence);

-- No foreign key: a row is only ever written in one transaction with its head.
CREATE TABLE batch_message (
    batch_no       BIGINT NOT NULL,
    received_at_ms BIGINT NOT NULL,
    message        BYTEA NOT NULL,
    PRIMARY KEY (batch_no, received_at_ms)
) PARTITION BY RANGE (received_at_ms);
-- Half the room in half the time of the default; a server built without it keeps the default.
DO $$
BEGIN
    ALTER TABLE batch_message ALTER COLUMN message SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END
$$;

CREATE VIEW batch AS
SELECT h.*, (
    SELECT m.message FROM batch_message m
    WHERE m.batch_no = h.batch_no AND m.received_at_ms = h.received_at_ms
) AS message
FROM batch_head h;

CREATE FUNCTION batch_written() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        PERFORM partition_ensure('batch_message', ARRAY[NEW.received_at_ms]);
        INSERT INTO batch_head VALUES (
            NEW.batch_no, NEW.device_no, NEW.sequence, NEW.hash, NEW.previous, NEW.key_id,
            NEW.signed_at_ms, NEW.clock_state, NEW.boot, NEW.uptime_ms, NEW.received_at_ms,
            NEW.rules_version, NEW.reading_count
        );
        INSERT INTO batch_message VALUES (NEW.batch_no, NEW.received_at_ms, NEW.message);
        RETURN NEW;
    END IF;
    DELETE FROM batch_message
    WHERE batch_no = OLD.batch_no AND received_at_ms = OLD.received_at_ms;
    IF TG_OP = 'DELETE' THEN
        DELETE FROM batch_head WHERE batch_no = OLD.batch_no;
        RETURN OLD;
    END IF;
    UPDATE batch_head SET (
        batch_no, device_no, sequence, hash, previous, key_id, signed_at_ms, clock_state, boot,
        uptime_ms, received_at_ms, rules_version, reading_count
    ) = (
        NEW.batch_no, NEW.device_no, NEW.sequence, NEW.hash, NEW.previous, NEW.key_id,
        NEW.signed_at_ms, NEW.clock_state, NEW.boot, NEW.uptime_ms, NEW.received_at_ms,
        NEW.rules_version, NEW.reading_count
    ) WHERE batch_no = OLD.batch_no;
    PERFORM partition_ensure('batch_message', ARRAY[NEW.received_at_ms]);
    INSERT INTO batch_message VALUES (NEW.batch_no, NEW.received_at_ms, NEW.message);
    RETURN NEW;
END
$$;
CREATE TRIGGER batch_written INSTEAD OF INSERT OR UPDATE OR DELETE ON batch
FOR EACH ROW EXECUTE FUNCTION batch_written();

-- As on SQLite without foreign keys and checks: they cost as much again as the insert.
CREATE TABLE reading (
    register_no    BIGINT NOT NULL,
    captured_at_ms BIGINT NOT NULL,
    copy           BIGINT NOT NULL,
    mantissa       BIGINT NOT NULL,
    state          BIGINT NOT NULL,
    flags          BIGINT NOT NULL,
    batch_no       BIGINT NOT NULL,
    position       BIGINT NOT NULL,
    PRIMARY KEY (register_no, captured_at_ms, copy)
) PARTITION BY RANGE (captured_at_ms);

-- Partitions ----------------------------------------------------------------------------------

-- The months of UTC from 2020 to 2099, <table>_YYYY_MM, are made before they are needed. A clock
-- that was never set says 1970, a broken one anything: what it brings lies before and after them.
CREATE TABLE reading_early PARTITION OF reading FOR VALUES FROM (MINVALUE) TO (1577836800000);
CREATE TABLE reading_far PARTITION OF reading FOR VALUES FROM (4102444800000) TO (MAXVALUE);
CREATE TABLE batch_message_early
    PARTITION OF batch_message FOR VALUES FROM (MINVALUE) TO (1577836800000);
CREATE TABLE batch_message_far
    PARTITION OF batch_message FOR VALUES FROM (4102444800000) TO (MAXVALUE);

-- Make, or attach again, the months those instants fall into; how many were.
-- Attaching lets everybody read and write on. It acts with its owner's rights: those who write
-- readings may make months, and no other table.
CREATE FUNCTION partition_ensure(family TEXT, instants BIGINT[]) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    month TIMESTAMP;
    part TEXT;
    made BIGINT := 0;
BEGIN
    IF family NOT IN ('reading', 'batch_message') THEN
        RAISE EXCEPTION 'no partitions of % are kept', family;
    END IF;
    FOR month IN
        SELECT DISTINCT date_trunc('month', to_timestamp(i / 1000) AT TIME ZONE 'UTC')
        FROM unnest(instants) i WHERE i >= 1577836800000 AND i < 4102444800000 ORDER BY 1
    LOOP
        part := family || to_char(month, '_YYYY_MM');
        CONTINUE WHEN EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(part));
        PERFORM pg_advisory_xact_lock(756625);
        CONTINUE WHEN EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass(part));
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, family);
        END IF;
        EXECUTE format(
            'ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', family, part,
            month_ms(month), month_ms(month + INTERVAL '1 month')
        );
        made := made + 1;
    END LOOP;
    RETURN made;
END
$$;

-- For statements that write single readings: room for one of that instant.
CREATE FUNCTION room_for_reading(at_ms BIGINT) RETURNS BIGINT
LANGUAGE sql VOLATILE AS $$ SELECT partition_ensure('reading', ARRAY[at_ms]) $$;

CREATE FUNCTION month_ms(month TIMESTAMP) RETURNS BIGINT
LANGUAGE sql IMMUTABLE AS $$ SELECT (extract(epoch FROM month) * 1000)::BIGINT $$;

-- Turns ---------------------------------------------------------------------------------------

-- Who stores batches of a device, or readings of a meter bound to it, holds its row; the stamp
-- tells the next one whether what it remembers of the device is still so.
CREATE TABLE device_turn (
    device_no BIGINT PRIMARY KEY REFERENCES device,
    stamp     BIGINT NOT NULL DEFAULT 0
);
CREATE SEQUENCE device_stamp;

-- Batch numbers -------------------------------------------------------------------------------

CREATE SEQUENCE batch_number OWNED BY batch_head.batch_no;

-- The first of that many numbers in a row, which nobody else is given. What another collector has
-- taken and not yet stored is known by the sequence, what was copied here by the table.
CREATE FUNCTION take_batch_nos(wanted BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first BIGINT;
BEGIN
    PERFORM pg_advisory_lock(756626);
    first := greatest(nextval('batch_number'), (SELECT max(batch_no) + 1 FROM batch_head));
    PERFORM setval('batch_number', first + wanted - 1);
    PERFORM pg_advisory_unlock(756626);
    RETURN first;
END
$$;

-- Forgetting ----------------------------------------------------------------------------------

-- Write a table anew with the rows that live, so that no old ones lie in its file. It acts with
-- its owner's rights, as which alone one may; nothing of the rows changes.
CREATE FUNCTION rewrite_table(name TEXT) RETURNS VOID
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    by_key TEXT;
BEGIN
    SELECT i.relname INTO STRICT by_key FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
    WHERE x.indrelid = to_regclass(quote_ident(name)) AND x.indisprimary;
    EXECUTE format('CLUSTER %I USING %I', name, by_key);
END
$$;
