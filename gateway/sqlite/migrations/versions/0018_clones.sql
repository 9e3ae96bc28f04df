-- Devices whose key speaks from two places: the numbers of one chain with two contents.

-- sequence: the first batch that came twice; stored_boot: of the stored one beside which it stood.
CREATE TABLE device_clone (
    device_no   INTEGER PRIMARY KEY REFERENCES device,
    first_at_ms INTEGER NOT NULL,
    last_at_ms  INTEGER NOT NULL,
    sequence    INTEGER NOT NULL,
    stored_boot BLOB NOT NULL,
    other_boot  BLOB NOT NULL,
    times       INTEGER NOT NULL
) STRICT;
