-- What goes to ГИС ЖКХ and what it says. An event of a line has the line's id.

-- name: due-closing
SELECT written_closing.closing_no, min(period), min(house.name), min(attempts),
       coalesce((SELECT why FROM withdrawal
                 WHERE withdrawal.closing_no = written_closing.closing_no), '')
FROM delivery
JOIN event USING (event_no)
JOIN written_closing USING (closing_no)
JOIN house USING (house_no)
WHERE target = :target AND state = 'pending' AND next_at_ms <= :now_ms
    AND (CAST(:period AS TEXT) IS NULL OR period = :period)
    AND (CAST(:house AS TEXT) IS NULL OR house.name = :house)
    AND event_no NOT IN (
        SELECT event_no FROM gis_value_line JOIN gis_value USING (transport_guid)
        WHERE gis_value.state = 'open')
    AND NOT EXISTS (
        SELECT 1 FROM gis_value JOIN gis_value_line USING (transport_guid)
        JOIN event AS sent ON sent.event_no = gis_value_line.event_no
        JOIN written_closing AS earlier ON earlier.closing_no = sent.closing_no
        WHERE gis_value.state = 'open' AND earlier.house_no = written_closing.house_no
            AND earlier.closing_no < written_closing.closing_no)
GROUP BY written_closing.closing_no ORDER BY written_closing.closing_no LIMIT 1

-- name: due-events
SELECT event_id, event_no FROM delivery JOIN event USING (event_no)
WHERE target = :target AND state = 'pending' AND next_at_ms <= :now_ms AND closing_no = :closing
    AND event_no NOT IN (
        SELECT event_no FROM gis_value_line JOIN gis_value USING (transport_guid)
        WHERE gis_value.state = 'open')
ORDER BY event_no

-- name: events
SELECT event_id, event_no FROM event WHERE closing_no = ?

-- name: tries
SELECT count(*) FROM gis_value_line
JOIN event USING (event_no)
JOIN gis_value USING (transport_guid)
WHERE event_id = ? AND gis_value.state <> 'open'

-- name: known
SELECT 1 FROM gis_value WHERE transport_guid IN (SELECT w.atom FROM json_each(?) w) LIMIT 1

-- name: add-message
INSERT INTO gis_message (message_guid, period, state, body, attempts, next_at_ms, last_error,
                         created_at_ms, changed_at_ms)
VALUES (?1, ?2, 'prepared', ?3, 0, ?4, '', ?4, ?4) RETURNING message_no

-- name: add-value
INSERT INTO gis_value VALUES (?, ?, ?, 'open', '', '', '', '', '')

-- name: add-value-line
INSERT INTO gis_value_line VALUES (?, ?)

-- name: open
SELECT message_no, message_guid, period, state, body, gis_guid, attempts, next_at_ms, last_error,
       created_at_ms
FROM gis_message
WHERE state IN ('prepared', 'taken') AND (CAST(:now_ms AS BIGINT) IS NULL OR next_at_ms <= :now_ms)
ORDER BY message_no

-- name: messages
SELECT message_no, message_guid, period, state, gis_guid, attempts, next_at_ms, last_error,
       created_at_ms
FROM gis_message ORDER BY message_no DESC LIMIT ?

-- name: taken
UPDATE gis_message SET state = 'taken', gis_guid = ?, attempts = 0, next_at_ms = ?,
                       last_error = '', changed_at_ms = ?
WHERE message_no = ? AND state = 'prepared'

-- name: again
UPDATE gis_message SET attempts = attempts + 1, last_error = ?, next_at_ms = ?, changed_at_ms = ?
WHERE message_no = ? AND state = ?

-- name: told
UPDATE delivery SET attempts = attempts + 1, last_error = :error, next_at_ms = :next_at_ms,
                    changed_at_ms = :now_ms
WHERE target = :target AND state = 'pending' AND event_no IN (
    SELECT event_no FROM gis_value_line JOIN gis_value USING (transport_guid)
    WHERE message_no = :message)

-- name: settle-message
UPDATE gis_message SET state = ?, changed_at_ms = ?, last_error = ''
WHERE message_no = ? AND state = ?

-- name: settle-value
UPDATE gis_value SET state = :state, guid = :guid, unique_number = :unique_number,
                     updated_at = :updated_at, code = :code, words = :words
WHERE transport_guid = :transport_guid AND message_no = :message

-- name: lines-of-value
SELECT event_no FROM gis_value_line WHERE transport_guid = ? ORDER BY event_no

-- name: values
SELECT transport_guid, meter, gis_value.state,
       (SELECT json_group_array(event_id) FROM (
            SELECT event_id FROM gis_value_line JOIN event USING (event_no)
            WHERE gis_value_line.transport_guid = gis_value.transport_guid
            ORDER BY event_no) AS named),
       guid, unique_number, updated_at, code, words
FROM gis_value WHERE message_no = ? ORDER BY meter
