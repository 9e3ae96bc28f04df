-- What the statements of gateway/sql expect of an engine and PostgreSQL calls otherwise: functions
-- that SQLite has, with its meaning. All of them are plain expressions that the planner unfolds.

-- The elements of a JSON array, in order. value: the element as JSON; atom: a text or a number by
-- itself, NULL for an array.
CREATE FUNCTION json_each(list TEXT, OUT key BIGINT, OUT value JSONB, OUT atom TEXT)
RETURNS SETOF record LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT one.number - 1, one.value,
        CASE WHEN jsonb_typeof(one.value) <> 'array' THEN one.value #>> '{}' END
    FROM jsonb_array_elements(CAST(list AS JSONB)) WITH ORDINALITY AS one (value, number)
$$;

-- A JSON array of a group's values, empty for an empty group.
CREATE AGGREGATE json_group_array (TEXT) (
    SFUNC = array_append, STYPE = TEXT[], INITCOND = '{}', FINALFUNC = array_to_json
);

CREATE AGGREGATE json_group_array (BIGINT) (
    SFUNC = array_append, STYPE = BIGINT[], INITCOND = '{}', FINALFUNC = array_to_json
);

-- The larger and the smaller of two; nothing where one of them is.
CREATE FUNCTION max(one BIGINT, other BIGINT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN one >= other THEN one WHEN one < other THEN other END
$$;
CREATE FUNCTION min(one BIGINT, other BIGINT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN one <= other THEN one WHEN one > other THEN other END
$$;
CREATE FUNCTION max(one TEXT, other TEXT) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN one >= other THEN one WHEN one < other THEN other END
$$;

-- Bytes as hex digits in capitals, '' for none.
CREATE FUNCTION hex(bytes BYTEA) RETURNS TEXT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(upper(encode(bytes, 'hex')), '')
$$;

-- Where a text stands in another, from 1 on; 0 if nowhere.
CREATE FUNCTION instr(whole TEXT, part TEXT) RETURNS BIGINT
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CAST(strpos(whole, part) AS BIGINT)
$$;
