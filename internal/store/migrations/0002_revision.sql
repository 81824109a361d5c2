-- How many commits there have been. A commit names the revision that it was made from, and is refused where another
-- has come before it.
CREATE TABLE revision (
	only   INTEGER PRIMARY KEY CHECK (only = 1),
	number INTEGER NOT NULL
) STRICT;
INSERT INTO revision (only, number) VALUES (1, 0);
