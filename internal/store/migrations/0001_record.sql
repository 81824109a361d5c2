-- One table for everything. Rows lie in a rowid table, not in the index of the primary key, because there a body of
-- more than a kilobyte would take pages of its own.
CREATE TABLE record (
	kind TEXT NOT NULL,
	key  TEXT NOT NULL,
	body BLOB NOT NULL,
	PRIMARY KEY (kind, key)
) STRICT;
