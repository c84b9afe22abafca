-- Trunk groups whose switches show a certificate before they are believed.

ALTER TABLE trunk_group ADD COLUMN certified INTEGER NOT NULL DEFAULT 0 CHECK (certified IN (0, 1));
