-- Which house is due: the one whose newest closed period is the oldest ('': none is closed), found
-- by an index however many are closed already. Two triggers keep it where closings are written.

ALTER TABLE house ADD COLUMN newest_closed TEXT NOT NULL DEFAULT '';
UPDATE house SET newest_closed = coalesce(
    (SELECT max(period) FROM closed_period WHERE closed_period.house_no = house.house_no), '');
CREATE INDEX house_by_newest_closed ON house (newest_closed, name);

CREATE TRIGGER period_closed AFTER INSERT ON written_closing BEGIN
    UPDATE house SET newest_closed = max(newest_closed, NEW.period)
    WHERE house_no = NEW.house_no;
END;

CREATE TRIGGER period_withdrawn AFTER INSERT ON withdrawal BEGIN
    UPDATE house SET newest_closed = coalesce(
        (SELECT max(period) FROM closed_period WHERE closed_period.house_no = house.house_no), '')
    WHERE house_no = (SELECT house_no FROM written_closing WHERE closing_no = NEW.closing_no);
END;
