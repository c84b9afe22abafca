-- Trunk groups that register with their carrier.

ALTER TABLE trunk_group ADD COLUMN aor TEXT NOT NULL DEFAULT '';
ALTER TABLE trunk_group ADD COLUMN register_s INTEGER NOT NULL DEFAULT 3600;
