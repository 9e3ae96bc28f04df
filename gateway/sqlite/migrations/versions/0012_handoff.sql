-- What was sent to ГИС ЖКХ and what it answered; who draws lines through the pull API.

-- A delivery may also be left out: the target has no place for the line, last_error says why.
CREATE TABLE delivery_with_left_out (
    target     TEXT NOT NULL,
    event_no   INTEGER NOT NULL REFERENCES event,
    state      TEXT NOT NULL CHECK (state IN ('pending', 'acknowledged', 'refused', 'left-out')),
    attempts   INTEGER NOT NULL,
    next_at_ms INTEGER NOT NULL,
    last_error TEXT NOT NULL,
    changed_at_ms INTEGER NOT NULL,
    PRIMARY KEY (target, event_no)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_with_left_out SELECT * FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_with_left_out RENAME TO delivery;
CREATE INDEX delivery_of_event ON delivery (event_no);
CREATE INDEX delivery_pending ON delivery (target, next_at_ms) WHERE state = 'pending';
CREATE INDEX delivery_refused ON delivery (event_no) WHERE state = 'refused';

-- A request, written before it is sent and sent again as it is until it has been taken: body is
-- the signed envelope. gis_guid: the number ГИС ЖКХ gave it, under which its result is asked for.
CREATE TABLE gis_message (
    message_no    INTEGER PRIMARY KEY,
    message_guid  TEXT NOT NULL UNIQUE,
    period        TEXT NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('prepared', 'taken', 'done', 'refused')),
    body          BLOB NOT NULL,
    gis_guid      TEXT,
    attempts      INTEGER NOT NULL,
    next_at_ms    INTEGER NOT NULL,
    last_error    TEXT NOT NULL,
    created_at_ms INTEGER NOT NULL,
    changed_at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX gis_message_open ON gis_message (message_no) WHERE state IN ('prepared', 'taken');

-- One device's values in a request, and what became of them. code and words are ГИС ЖКХ's own.
CREATE TABLE gis_value (
    transport_guid TEXT PRIMARY KEY,
    message_no     INTEGER NOT NULL REFERENCES gis_message,
    meter          TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'refused')),
    guid           TEXT NOT NULL,
    unique_number  TEXT NOT NULL,
    updated_at     TEXT NOT NULL,
    code           TEXT NOT NULL,
    words          TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX gis_value_of_message ON gis_value (message_no);
CREATE INDEX gis_value_open ON gis_value (message_no) WHERE state = 'open';

-- The lines whose closing values those are.
CREATE TABLE gis_value_line (
    event_no       INTEGER NOT NULL REFERENCES event,
    transport_guid TEXT NOT NULL REFERENCES gis_value,
    PRIMARY KEY (event_no, transport_guid)
) STRICT, WITHOUT ROWID;
CREATE INDEX gis_value_line_of_value ON gis_value_line (transport_guid);

-- A billing system that draws lines itself, and up to which event it has said it has them. Its
-- token's hash is in a private file, not here.
CREATE TABLE pull_client (
    name            TEXT PRIMARY KEY,
    made_at_ms      INTEGER NOT NULL,
    revoked_at_ms   INTEGER,
    through_no      INTEGER NOT NULL,
    acknowledged_at_ms INTEGER
) STRICT, WITHOUT ROWID;
