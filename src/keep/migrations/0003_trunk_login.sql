-- What trunk groups say to carriers that challenge their requests: with a realm the hashes (HA1), else the password itself.

ALTER TABLE trunk_group ADD COLUMN user TEXT NOT NULL DEFAULT '';
ALTER TABLE trunk_group ADD COLUMN realm TEXT NOT NULL DEFAULT '';
ALTER TABLE trunk_group ADD COLUMN ha1_md5 BLOB NOT NULL DEFAULT x'' CHECK (length(ha1_md5) IN (0, 16));
ALTER TABLE trunk_group ADD COLUMN ha1_sha256 BLOB NOT NULL DEFAULT x'' CHECK (length(ha1_sha256) IN (0, 32));
ALTER TABLE trunk_group ADD COLUMN secret TEXT NOT NULL DEFAULT '';
