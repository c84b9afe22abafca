-- What trunk groups speak. Groups that stand go on as before.

ALTER TABLE trunk_group ADD COLUMN diversion TEXT NOT NULL DEFAULT 'none'
	CHECK (diversion IN ('none', 'diversion', 'history-info', 'both'));
ALTER TABLE trunk_group ADD COLUMN overlap INTEGER NOT NULL DEFAULT 0 CHECK (overlap IN (0, 1));
