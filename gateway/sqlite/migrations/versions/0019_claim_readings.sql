-- Claims stand among the readings (see 0010) with the copy 1 000 000 + claim_no. Here alone it is
-- written which of the two a reading is; gateway/claims/ports.py has the number for names of readings.

-- What a device read, or one of us at the meter: what people say never decides on these.
CREATE VIEW automatic_reading AS SELECT * FROM reading WHERE copy < 1000000;

-- To be asked by register and time as well: a claim's number alone has no index.
CREATE VIEW claim_reading AS
SELECT *, copy - 1000000 AS claim_no FROM reading WHERE copy >= 1000000;
