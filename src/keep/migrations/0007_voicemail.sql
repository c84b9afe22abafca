-- Trunk groups that tell which lines have messages.

ALTER TABLE trunk_group ADD COLUMN voicemail INTEGER NOT NULL DEFAULT 0 CHECK (voicemail IN (0, 1));
