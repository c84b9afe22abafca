-- Lines that are PBXs: calls to them carry the number that was dialled.

ALTER TABLE line ADD COLUMN pbx INTEGER NOT NULL DEFAULT 0 CHECK (pbx IN (0, 1));
