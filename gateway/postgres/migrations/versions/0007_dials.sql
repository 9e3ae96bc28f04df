-- How a register shows its digits, where somebody said: photos of it are read by that.

-- dial: NULL where nobody said; the readings themselves do not depend on it.
ALTER TABLE register ADD COLUMN dial TEXT COLLATE "C" CHECK (dial IN ('wheels', 'lcd'));
