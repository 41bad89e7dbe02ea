-- Which object store is this database's own: both tell the id. There is one row at most.
CREATE TABLE installation (
    one    INTEGER NOT NULL,
    id     TEXT NOT NULL,
    stored INTEGER NOT NULL,
    CONSTRAINT installation_pkey PRIMARY KEY (one),
    CONSTRAINT installation_one CHECK (one = 1)
) STRICT;

-- A database that is in use has its store already, which is told the id at the next start.
INSERT INTO installation (one, id, stored) SELECT 1, lower(hex(randomblob(16))), 0 WHERE EXISTS (SELECT 1 FROM projects);

-- Objects of the store that nobody needs, since when that was first seen.
CREATE TABLE stray_objects (
    object TEXT NOT NULL,
    since  INTEGER NOT NULL,
    CONSTRAINT stray_objects_pkey PRIMARY KEY (object)
) STRICT;
