-- Which version of the rules gave a verdict. A batch names the one it was judged by when it came,
-- but readings that waited for the time of their boot are judged later, maybe by a newer one. All
-- verdicts from before this column are of version 1.
ALTER TABLE verdict ADD COLUMN rules_version INTEGER NOT NULL DEFAULT 1;
