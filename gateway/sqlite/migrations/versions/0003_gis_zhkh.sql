-- What ГИС ЖКХ calls the meters: the names an export needs, not facts of measuring. They may be
-- corrected. unit: ОКЕИ's code of the device there; resource_guid and house_guid may be empty.
CREATE TABLE gis_device (
    meter_no      INTEGER PRIMARY KEY REFERENCES meter,
    device_guid   TEXT NOT NULL UNIQUE,
    unit          TEXT NOT NULL,
    resource_guid TEXT NOT NULL,
    house_guid    TEXT NOT NULL
) STRICT;
