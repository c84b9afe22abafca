-- Encrypted media: may, must or must not those of a line or a trunk group be SRTP?
ALTER TABLE line ADD COLUMN srtp TEXT NOT NULL DEFAULT 'offered' CHECK (srtp IN ('never', 'offered', 'required'));
ALTER TABLE trunk_group ADD COLUMN srtp TEXT NOT NULL DEFAULT 'offered' CHECK (srtp IN ('never', 'offered', 'required'));
