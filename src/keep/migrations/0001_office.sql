-- What is provisioned. Every row has an id of its own; those of customers, lines and trunk groups are never given again,
-- for call records name them. Numbers are E.164 digits without +.

CREATE TABLE office ( -- its name, its realm, and the settings
	id INTEGER PRIMARY KEY,
	name TEXT NOT NULL UNIQUE,
	value TEXT NOT NULL
) STRICT;

CREATE TABLE state (
	id INTEGER PRIMARY KEY,
	code TEXT NOT NULL UNIQUE CHECK (code GLOB '[A-Z][A-Z]'),
	name TEXT NOT NULL,
	open INTEGER NOT NULL CHECK (open IN (0, 1))
) STRICT;

CREATE TABLE rate_centre (
	id INTEGER PRIMARY KEY,
	state INTEGER NOT NULL REFERENCES state (id),
	name TEXT NOT NULL,
	lata INTEGER NOT NULL CHECK (lata BETWEEN 0 AND 999),
	UNIQUE (state, name)
) STRICT;

CREATE TABLE npa (
	id INTEGER PRIMARY KEY,
	npa INTEGER NOT NULL UNIQUE CHECK (npa BETWEEN 200 AND 999),
	state INTEGER NOT NULL REFERENCES state (id),
	seven_digits INTEGER NOT NULL CHECK (seven_digits IN (0, 1))
) STRICT;
CREATE INDEX npa_state ON npa (state);

CREATE TABLE exchange (
	id INTEGER PRIMARY KEY,
	npa_nxx INTEGER NOT NULL UNIQUE CHECK (npa_nxx BETWEEN 200200 AND 999999),
	rate_centre INTEGER NOT NULL REFERENCES rate_centre (id)
) STRICT;
CREATE INDEX exchange_rate_centre ON exchange (rate_centre);

CREATE TABLE customer (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	suspended INTEGER NOT NULL CHECK (suspended IN (0, 1))
) STRICT;

CREATE TABLE line (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	customer INTEGER NOT NULL REFERENCES customer (id),
	rate_centre INTEGER NOT NULL REFERENCES rate_centre (id),
	number TEXT NOT NULL,      -- shown and charged for its calls; '' none
	display TEXT NOT NULL,
	ha1_md5 BLOB NOT NULL CHECK (length(ha1_md5) = 16),
	ha1_sha256 BLOB NOT NULL CHECK (length(ha1_sha256) = 32),
	digest TEXT NOT NULL CHECK (digest IN ('both', 'md5', 'sha256')),
	calls_max INTEGER NOT NULL,
	no_answer_s INTEGER NOT NULL,
	contacts_max INTEGER NOT NULL,
	suspended INTEGER NOT NULL CHECK (suspended IN (0, 1))
) STRICT;
CREATE INDEX line_customer ON line (customer);
CREATE INDEX line_rate_centre ON line (rate_centre);
CREATE INDEX line_number ON line (number);

CREATE TABLE number (
	id INTEGER PRIMARY KEY,
	number TEXT NOT NULL UNIQUE,
	kind TEXT NOT NULL CHECK (kind IN ('line', 'vacant', 'changed', 'disconnected')),
	line INTEGER REFERENCES line (id),
	new_number TEXT NOT NULL,
	CHECK ((kind = 'line') = (line IS NOT NULL)),
	CHECK (kind = 'changed' OR new_number = '')
) STRICT;
CREATE INDEX number_line ON number (line);

CREATE TABLE feature (
	id INTEGER PRIMARY KEY,
	line INTEGER NOT NULL REFERENCES line (id),
	feature TEXT NOT NULL,
	subscribed INTEGER NOT NULL CHECK (subscribed IN (0, 1)),
	active INTEGER NOT NULL CHECK (active IN (0, 1)),
	target TEXT NOT NULL,
	UNIQUE (line, feature)
) STRICT;

CREATE TABLE trunk_group (
	id INTEGER PRIMARY KEY AUTOINCREMENT,
	name TEXT NOT NULL UNIQUE,
	host TEXT NOT NULL,
	in_service INTEGER NOT NULL CHECK (in_service IN (0, 1)),
	trusted INTEGER NOT NULL CHECK (trusted IN (0, 1)),
	emergency INTEGER NOT NULL CHECK (emergency IN (0, 1)),
	format TEXT NOT NULL CHECK (format IN ('e164', 'national', 'dialled')),
	calls_max INTEGER NOT NULL,
	failover_ms INTEGER NOT NULL,
	options_s INTEGER NOT NULL
) STRICT;

CREATE TABLE trunk_peer (
	trunk_group INTEGER NOT NULL REFERENCES trunk_group (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	address TEXT NOT NULL,
	priority INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 255),
	PRIMARY KEY (trunk_group, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE trunk_net (
	trunk_group INTEGER NOT NULL REFERENCES trunk_group (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	net TEXT NOT NULL,
	PRIMARY KEY (trunk_group, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE route (
	id INTEGER PRIMARY KEY,
	prefix TEXT NOT NULL UNIQUE CHECK (prefix = 'default' OR (prefix <> '' AND prefix NOT GLOB '*[^0-9]*'))
) STRICT;

CREATE TABLE route_choice (
	route INTEGER NOT NULL REFERENCES route (id) ON DELETE CASCADE,
	position INTEGER NOT NULL,
	trunk_group INTEGER NOT NULL REFERENCES trunk_group (id),
	PRIMARY KEY (route, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX route_choice_trunk_group ON route_choice (trunk_group);

CREATE TABLE office_change (
	version INTEGER PRIMARY KEY AUTOINCREMENT,
	at_ms INTEGER NOT NULL,    -- UTC since 1970
	who TEXT NOT NULL,
	action TEXT NOT NULL CHECK (action IN ('add', 'set', 'remove')),
	kind TEXT NOT NULL,
	key TEXT NOT NULL,
	before TEXT NOT NULL,      -- JSON; '' before add
	after TEXT NOT NULL        -- JSON; '' after remove
) STRICT;
